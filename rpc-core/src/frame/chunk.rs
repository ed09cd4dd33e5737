//! `Chunk`: the next part of a large message.

use super::{Checksum, Flags, Header, Kind, request};
use crate::error::ProtocolError;
use crate::ids::SlotId;

/// The next part of the request (from a client) or the reply (from a server) with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Slot and sequence number of the message.
    pub id: SlotId,
    /// 1 to [`crate::limits::CHUNK_LEN`] bytes.
    pub payload: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>, checksum: Checksum) {
        let start = super::begin(out, Kind::Chunk, Flags::NONE, 0, 0, self.id);
        out.extend_from_slice(self.payload);
        super::seal(out, start, checksum);
    }

    /// Reads the frame; the payload stays where it is.
    ///
    /// # Errors
    /// `Malformed`: an empty part, or one that is too long.
    pub fn read(header: &Header, body: &'a [u8]) -> Result<Self, ProtocolError> {
        header.no_method()?.no_deadline()?;
        request::at_most_a_chunk(header, body)?;
        if body.is_empty() {
            return Err(header.malformed("it is empty".to_owned()));
        }
        Ok(Self { id: header.id, payload: body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, only, same};

    #[test]
    fn a_chunk_has_these_bytes() {
        let chunk = Chunk { id: SlotId { slot: 5, sequence: 2 }, payload: b"Ada" };
        same(
            |out| chunk.write(out, Checksum::Whole),
            "1b0000005143688a08000000000000000500000200000000416461",
        );
        let mut out = Vec::new();
        chunk.write(&mut out, Checksum::Whole);
        let (header, body) = only(&out);
        assert_eq!(Chunk::read(&header, body), Ok(chunk));
    }

    #[test]
    fn an_empty_chunk_is_refused() {
        let chunk = Chunk { id: SlotId { slot: 5, sequence: 2 }, payload: b"" };
        let read = |header: &Header, body: &[u8]| Chunk::read(header, body).map(|_| ());
        assert_eq!(malformed(|out| chunk.write(out, Checksum::Whole), read), "it is empty");
    }
}
