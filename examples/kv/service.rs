//! What the store and its clients agree on.

use carnegie::{Schema, service};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a write changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) enum Refused {
    /// The key does not have the value that it was to have, but this one; `None`: there is no such key.
    Differs { found: Option<String> },
    /// The store could not write it down, so it did not do it.
    NotWritten { why: String },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Differs { found: Some(found) } => write!(f, "the value is `{found}`"),
            Refused::Differs { found: None } => f.write_str("there is no such key"),
            Refused::NotWritten { why } => write!(f, "the store cannot write: {why}"),
        }
    }
}

/// A store of texts by key. Each write answers with the value that it replaced.
///
/// Only `get` may be run twice: of a `put` that is sent again late, the second run would undo what others have written since.
#[service(lock = "examples/kv/kv.schema")]
pub(crate) trait KeyValue {
    /// The key's value, if it has one.
    #[rpc(idempotent)]
    async fn get(&self, key: &str) -> Option<String>;

    /// Sets the key, whether it was there or not.
    #[rpc(blocking)]
    async fn put(&self, key: &str, value: &str) -> Result<Option<String>, Refused>;

    /// Sets the key if its value is `old` (`None`: if it is not there), and otherwise says which it is.
    #[rpc(blocking)]
    async fn compare_and_set(
        &self,
        key: &str,
        old: Option<String>,
        new: &str,
    ) -> Result<Option<String>, Refused>;

    /// Adds to the end of the value. A key that is not there begins empty.
    #[rpc(blocking)]
    async fn append(&self, key: &str, more: &str) -> Result<Option<String>, Refused>;

    /// Removes the key.
    #[rpc(blocking)]
    async fn delete(&self, key: &str) -> Result<Option<String>, Refused>;
}
