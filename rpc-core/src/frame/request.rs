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
