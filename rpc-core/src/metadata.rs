//! Pairs of text that travel with a request or a reply, beside the payload.

use crate::limits::METADATA_MAX;

/// Pairs of key and value, in the order in which they were added. At most 8 KiB, encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair. The same key may stand there several times.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    /// The first value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of its encoding: two for each length, and the texts.
    pub fn encoded_len(&self) -> usize {
        self.0.iter().map(|(key, value)| 4 + key.len() + value.len()).sum()
    }

    /// Whether it may be sent: its encoding stays within 8 KiB.
    pub fn fits(&self) -> bool {
        self.encoded_len() <= METADATA_MAX
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}
