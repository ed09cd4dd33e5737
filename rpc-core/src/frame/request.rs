//! `Request`: a call.

use super::wire::Reader;
use super::{Checksum, Flags, Header, Kind, MetadataRef, wire};
use crate::error::ProtocolError;
use crate::ids::SlotId;
use crate::limits::CHUNK_LEN;

/// One copy of a call, or its first part if it is large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// Slot and sequence number.
    pub id: SlotId,
    /// Index in the session's method table.
    pub method: u16,
    /// When the caller gives up: connection time in milliseconds.
    pub deadline: u32,
    /// An earlier copy may have arrived.
    pub resent: bool,
    /// It may run more than once.
    pub idempotent: bool,
    /// Pairs beside the arguments.
    pub metadata: Option<MetadataRef<'a>>,
    /// The length of the whole payload, if more of it follows in chunks.
    pub total: Option<u32>,
    /// The encoded arguments, at most [`CHUNK_LEN`] bytes of them.
    pub payload: &'a [u8],
}

impl<'a> Request<'a> {
    /// Appends all that stands before the payload, and returns where the frame starts. The caller appends the payload (the
    /// field `payload` is not looked at) and calls [`super::seal`].
    #[inline]
    pub fn begin(&self, out: &mut Vec<u8>) -> usize {
        let flags = Flags::NONE
            .with(Flags::RESENT, self.resent)
            .with(Flags::IDEMPOTENT, self.idempotent)
            .with(Flags::METADATA, self.metadata.is_some())
            .with(Flags::CHUNKED, self.total.is_some());
        let start = super::begin(out, Kind::Request, flags, self.method, self.deadline, self.id);
        begin_payload(out, self.metadata, self.total);
        start
    }

    /// Appends the frame.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, checksum: Checksum) {
        let start = self.begin(out);
        out.extend_from_slice(self.payload);
        super::seal(out, start, checksum);
    }

    /// Reads the frame; payload and metadata stay where they are.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    #[inline]
    pub fn read(header: &Header, body: &'a [u8]) -> Result<Self, ProtocolError> {
        let (metadata, total, payload) = read_payload(header, body)?;
        Ok(Self {
            id: header.id,
            method: header.method,
            deadline: header.deadline,
            resent: header.flags.contains(Flags::RESENT),
            idempotent: header.flags.contains(Flags::IDEMPOTENT),
            metadata,
            total,
            payload,
        })
    }
}

/// Writes what stands between the header and the payload of a `Request` or a `Reply`.
#[inline]
pub(super) fn begin_payload(out: &mut Vec<u8>, metadata: Option<MetadataRef<'_>>, total: Option<u32>) {
    if let Some(metadata) = metadata {
        metadata.write(out);
    }
    if let Some(total) = total {
        wire::put_u32(out, total);
    }
}

type Parts<'a> = (Option<MetadataRef<'a>>, Option<u32>, &'a [u8]);

/// Reads the body of a `Request` or a `Reply`.
#[inline]
pub(super) fn read_payload<'a>(header: &Header, body: &'a [u8]) -> Result<Parts<'a>, ProtocolError> {
    if header.flags.contains(Flags::METADATA) || header.flags.contains(Flags::CHUNKED) {
        return read_flagged(header, body);
    }
    at_most_a_chunk(header, body)?;
    Ok((None, None, body))
}

fn read_flagged<'a>(header: &Header, body: &'a [u8]) -> Result<Parts<'a>, ProtocolError> {
    let mut reader = Reader::new(header.kind, body);
    let metadata = match header.flags.contains(Flags::METADATA) {
        true => Some(MetadataRef::read(header, &mut reader)?),
        false => None,
    };
    let total = match header.flags.contains(Flags::CHUNKED) {
        true => Some(reader.u32("the total length")?),
        false => None,
    };
    let payload = reader.rest();
    at_most_a_chunk(header, payload)?;
    if let Some(total) = total
        && total as usize <= payload.len()
    {
        let what = format!("the total length is {total}, but {} bytes are here already", payload.len());
        return Err(header.malformed(what));
    }
    Ok((metadata, total, payload))
}

/// Refuses a payload that should have been cut.
#[inline]
pub(super) fn at_most_a_chunk(header: &Header, payload: &[u8]) -> Result<(), ProtocolError> {
    if payload.len() <= CHUNK_LEN {
        return Ok(());
    }
    Err(header.malformed(format!("{} bytes of payload, at most {CHUNK_LEN} go in one frame", payload.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, only, same};
    use crate::frame::{EncodedMetadata, seal};
    use crate::metadata::Metadata;

    const ARGUMENTS: [u8; 8] = [0xfb, 0x67, 0x12, 0, 3, b'A', b'd', b'a'];

    fn sell() -> Request<'static> {
        let id = SlotId { slot: 5, sequence: 1 };
        Request { id, method: 1, deadline: 2000, payload: &ARGUMENTS, ..Request::default() }
    }

    #[test]
    fn a_request_has_these_bytes() {
        same(
            |out| sell().write(out, Checksum::Whole),
            "20000000035a5e7d06000100d00700000500000100000000fb67120003416461",
        );
        same(
            |out| sell().write(out, Checksum::HeaderOnly),
            "200000006db7b43506000100d00700000500000100000000fb67120003416461",
        );
    }

    #[test]
    fn a_request_with_everything_survives() {
        let metadata: Metadata = [("tenant", "hall")].into_iter().collect();
        let metadata = EncodedMetadata::new(&metadata).expect("it fits");
        let metadata = Some(metadata.as_ref());
        let request = Request { resent: true, idempotent: true, metadata, total: Some(9), ..sell() };
        let mut out = Vec::new();
        request.write(&mut out, Checksum::Whole);
        let (header, body) = only(&out);
        assert_eq!(Request::read(&header, body), Ok(request));
    }

    #[test]
    fn a_payload_may_be_appended_after_the_rest() {
        let mut appended = Vec::new();
        let start = sell().begin(&mut appended);
        appended.extend_from_slice(&ARGUMENTS);
        seal(&mut appended, start, Checksum::Whole);
        let mut written = Vec::new();
        sell().write(&mut written, Checksum::Whole);
        assert_eq!(appended, written);
    }

    #[test]
    fn the_largest_frame_that_is_allowed_arrives() {
        let metadata: Metadata = [("k", "x".repeat(crate::limits::METADATA_MAX - 5))].into_iter().collect();
        let metadata = EncodedMetadata::new(&metadata).expect("it fits");
        let payload = vec![7; CHUNK_LEN];
        let total = Some(1 << 20);
        let request = Request { metadata: Some(metadata.as_ref()), total, payload: &payload, ..sell() };
        let mut out = Vec::new();
        request.write(&mut out, Checksum::Whole);
        assert_eq!(out.len(), crate::limits::FRAME_MAX);
        let (header, body) = only(&out);
        assert_eq!(Request::read(&header, body), Ok(request));
    }

    #[test]
    fn a_total_that_is_here_already_is_refused() {
        let request = Request { total: Some(8), ..sell() };
        let what = malformed(|out| request.write(out, Checksum::Whole), read_owned);
        assert_eq!(what, "the total length is 8, but 8 bytes are here already");
    }

    #[test]
    fn a_payload_longer_than_a_chunk_is_refused() {
        let payload = vec![0; CHUNK_LEN + 1];
        let request = Request { payload: &payload, ..sell() };
        let what = malformed(|out| request.write(out, Checksum::Whole), read_owned);
        assert_eq!(what, "65537 bytes of payload, at most 65536 go in one frame");
    }

    fn read_owned(header: &Header, body: &[u8]) -> Result<(), ProtocolError> {
        Request::read(header, body).map(|_| ())
    }
}
