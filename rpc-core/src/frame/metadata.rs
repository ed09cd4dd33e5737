//! Metadata on the wire: length-prefixed pairs of texts.

use super::wire::{self, Reader};
use super::{Header, Kind};
use crate::error::ProtocolError;
use crate::limits::METADATA_MAX;
use crate::metadata::Metadata;

/// Encoded pairs of texts that lie in a frame (they were checked when it was read), or in an [`EncodedMetadata`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetadataRef<'a> {
    pairs: &'a [u8],
}

impl<'a> MetadataRef<'a> {
    /// The pairs, in the order in which they were written.
    pub fn iter(&self) -> Pairs<'a> {
        Pairs { reader: Reader::new(Kind::Request, self.pairs) }
    }

    /// The pairs, to outlive the frame.
    pub fn to_metadata(&self) -> Metadata {
        self.iter().collect()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        wire::put_u16(out, self.pairs.len() as u16);
        out.extend_from_slice(self.pairs);
    }

    pub(super) fn read(header: &Header, reader: &mut Reader<'a>) -> Result<Self, ProtocolError> {
        let length = usize::from(reader.u16("the length of the metadata")?);
        if length > METADATA_MAX {
            let what = format!("{length} bytes of metadata, at most {METADATA_MAX} are allowed");
            return Err(reader.malformed(what));
        }
        let pairs = reader.bytes("metadata", length)?;
        let mut check = Reader::new(header.kind, pairs);
        while !check.rest().is_empty() {
            check.str_within("a key of the metadata", METADATA_MAX)?;
            check.str_within("a value of the metadata", METADATA_MAX)?;
        }
        Ok(Self { pairs })
    }
}

/// The pairs of a [`MetadataRef`].
pub struct Pairs<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    // The pairs were checked before, so an error is the end and nothing else.
    fn next(&mut self) -> Option<Self::Item> {
        let key = self.reader.str_within("key", METADATA_MAX).ok()?;
        Some((key, self.reader.str_within("value", METADATA_MAX).ok()?))
    }
}

/// Metadata of one's own: encoded once, written with every copy of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedMetadata {
    pairs: Vec<u8>,
}

impl EncodedMetadata {
    /// Encodes the pairs; `None` if they do not [fit](Metadata::fits).
    pub fn new(metadata: &Metadata) -> Option<Self> {
        if !metadata.fits() {
            return None;
        }
        let mut pairs = Vec::with_capacity(metadata.encoded_len());
        for text in metadata.iter().flat_map(|(key, value)| [key, value]) {
            wire::put_str_within(&mut pairs, text, METADATA_MAX);
        }
        Some(Self { pairs })
    }

    /// What a frame takes.
    #[inline]
    pub fn as_ref(&self) -> MetadataRef<'_> {
        MetadataRef { pairs: &self.pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_in_order() {
        let metadata: Metadata = [("tenant", "hall"), ("trace", "")].into_iter().collect();
        let encoded = EncodedMetadata::new(&metadata).expect("it fits");
        assert_eq!(encoded.as_ref().iter().collect::<Vec<_>>(), [("tenant", "hall"), ("trace", "")]);
        assert_eq!(encoded.as_ref().to_metadata(), metadata);
    }

    #[test]
    fn one_value_may_take_all_of_the_room_and_not_a_byte_more() {
        let mut value = "x".repeat(METADATA_MAX - 5);
        let fitting: Metadata = [("k", &value)].into_iter().collect();
        let encoded = EncodedMetadata::new(&fitting).expect("it fits");
        assert_eq!(encoded.as_ref().to_metadata(), fitting);
        value.push('x');
        assert_eq!(EncodedMetadata::new(&[("k", &value)].into_iter().collect()), None);
    }
}
