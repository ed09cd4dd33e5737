//! The wire format: a header of 24 bytes, then a body that depends on the kind of the frame.
//!
//! One file a kind: its fields, how they are written, how they are read, a test vector that also stands in
//! `docs/protocol.md`. [`begin`], [`seal`] and [`split`] are the hot path: one frame in, one frame out, nothing
//! allocated. All integers are little-endian.
//!
//! ```text
//!  0       4          8    9     10     12        16         24
//!  +-------+----------+----+-----+------+---------+----------+------
//!  |length | checksum |kind|flags|method| deadline|request id| body
//!  +-------+----------+----+-----+------+---------+----------+------
//! ```

mod bind;
mod bound;
mod cancel;
mod checksum;
mod chunk;
mod close;
mod first;
mod go_away;
mod hello;
mod kind;
mod metadata;
mod ping;
mod reject;
mod release;
mod reply;
mod request;
mod welcome;
pub mod wire;

pub use bind::{Bind, BindMethod};
pub use bound::{Bound, BoundMethod, BoundResult, Suggestion};
pub use cancel::Cancel;
pub use checksum::Checksum;
pub use chunk::Chunk;
pub use close::{Close, CloseCode};
pub use first::{ended_early, first_bytes, split_first};
pub use go_away::GoAway;
pub use hello::{Credentials, Hello, MAGIC, PROTOCOL_MAX, PROTOCOL_MIN, SessionWish};
pub use kind::{Flags, Kind};
pub use metadata::{EncodedMetadata, MetadataRef, Pairs};
pub use ping::{Ping, Pong};
pub use reject::{Reject, RejectCode};
pub use release::{RELEASE_MAX, Release};
pub use reply::{Answer, Failure, Refusal, Reply};
pub use request::Request;
pub use welcome::Welcome;

use crate::error::ProtocolError;
use crate::ids::SlotId;
use crate::limits::{FRAME_MAX, HEADER_LEN};

/// The fields that every frame has, except for the checksum, which [`split`] has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole frame, header included: the next frame starts there.
    pub length: u32,
    /// What the frame is.
    pub kind: Kind,
    /// Only such as are allowed with that kind.
    pub flags: Flags,
    /// Index of a method, or a small number of the kind's own.
    pub method: u16,
    /// Milliseconds.
    pub deadline: u32,
    /// Slot and sequence number, or a number of the kind's own.
    pub id: SlotId,
}

impl Header {
    fn malformed(&self, what: String) -> ProtocolError {
        ProtocolError::Malformed { kind: self.kind.name(), what }
    }

    #[inline]
    fn zero(&self, field: &'static str, value: u64) -> Result<&Self, ProtocolError> {
        if value == 0 { Ok(self) } else { Err(self.malformed(format!("{field} is {value}, not zero"))) }
    }

    #[inline]
    fn no_method(&self) -> Result<&Self, ProtocolError> {
        self.zero("the method field", u64::from(self.method))
    }

    #[inline]
    fn no_deadline(&self) -> Result<&Self, ProtocolError> {
        self.zero("the deadline field", u64::from(self.deadline))
    }

    #[inline]
    fn no_id(&self) -> Result<&Self, ProtocolError> {
        self.zero("the request id", self.id.to_wire())
    }

    #[inline]
    fn no_slot(&self) -> Result<&Self, ProtocolError> {
        self.zero("the slot", u64::from(self.id.slot))
    }

    #[inline]
    fn no_body(&self, body: &[u8]) -> Result<&Self, ProtocolError> {
        self.zero("the length of the body", body.len() as u64)
    }
}

/// Appends a header to `out` and returns where it starts. The body is appended next, then [`seal`] fills in length and
/// checksum.
#[inline]
pub fn begin(out: &mut Vec<u8>, kind: Kind, flags: Flags, method: u16, deadline: u32, id: SlotId) -> usize {
    let start = out.len();
    let [m0, m1] = method.to_le_bytes();
    let [d0, d1, d2, d3] = deadline.to_le_bytes();
    let [i0, i1, i2, i3, i4, i5, i6, i7] = id.to_wire().to_le_bytes();
    out.extend_from_slice(&[
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0, //
        kind.to_wire(),
        flags.0,
        m0,
        m1,
        d0,
        d1,
        d2,
        d3, //
        i0,
        i1,
        i2,
        i3,
        i4,
        i5,
        i6,
        i7,
    ]);
    start
}

/// Changes the deadline in a header that [`begin`] has written at the start of `head`, before [`seal`].
pub(crate) fn set_deadline(head: &mut [u8], deadline: u32) {
    if let Some(field) = head.get_mut(12..16) {
        field.copy_from_slice(&deadline.to_le_bytes());
    }
}

/// Ends the frame that [`begin`] started at `start`: everything in `out` from there on is the frame.
///
/// The caller sees to it that the frame is not longer than [`FRAME_MAX`]; the peer would end the connection.
#[inline]
pub fn seal(out: &mut [u8], start: usize, checksum: Checksum) {
    let Some(frame) = out.get_mut(start..) else { return };
    let length = (frame.len() as u32).to_le_bytes();
    let Some((head, _)) = frame.split_first_chunk_mut::<HEADER_LEN>() else { return };
    let whole = checksum.covers_body(head[8]);
    // The length stands in the checksum's place for a moment: what is covered then lies in one piece.
    head[4..8].copy_from_slice(&length);
    let crc = checksum::of(if whole { &frame[4..] } else { &frame[4..HEADER_LEN] });
    frame[..4].copy_from_slice(&length);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// As [`seal`], for a frame that ends with `pieces`, which lie elsewhere.
pub(crate) fn seal_with(out: &mut [u8], start: usize, pieces: &[impl AsRef<[u8]>], checksum: Checksum) {
    let Some(frame) = out.get_mut(start..) else { return };
    let beside: usize = pieces.iter().map(|piece| piece.as_ref().len()).sum();
    let length = ((frame.len() + beside) as u32).to_le_bytes();
    let Some((head, _)) = frame.split_first_chunk_mut::<HEADER_LEN>() else { return };
    let whole = checksum.covers_body(head[8]);
    head[4..8].copy_from_slice(&length);
    let crc =
        if whole { checksum::of_pieces(&frame[4..], pieces) } else { checksum::of(&frame[4..HEADER_LEN]) };
    frame[..4].copy_from_slice(&length);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// The first frame in `bytes` with its body, or `None` if it is not there completely. The next one starts at
/// [`Header::length`].
///
/// # Errors
/// As soon as four bytes are there: a length that no frame has. When all are there: a wrong checksum, a kind or a flag that is
/// not known.
#[inline]
pub fn split(bytes: &[u8], checksum: Checksum) -> Result<Option<(Header, &[u8])>, ProtocolError> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length);
    if !(HEADER_LEN..=FRAME_MAX).contains(&(length as usize)) {
        return Err(ProtocolError::FrameLength { length, least: HEADER_LEN, most: FRAME_MAX });
    }
    let Some(frame) = bytes.get(..length as usize) else { return Ok(None) };
    let Some((head, body)) = frame.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let header = open(head, body, checksum)?;
    Ok(Some((header, body)))
}

/// Reads and verifies the header of a complete frame.
#[inline]
fn open(head: &[u8; HEADER_LEN], body: &[u8], checksum: Checksum) -> Result<Header, ProtocolError> {
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind, flags, m0, m1, d0, d1, d2, d3, id @ ..] = *head;
    let mut covered = [0; HEADER_LEN - 4];
    covered[..4].copy_from_slice(&head[..4]);
    covered[4..].copy_from_slice(&head[8..]);
    let computed = if checksum.covers_body(kind) && !body.is_empty() {
        checksum::of_pieces(&covered, &[body])
    } else {
        checksum::of(&covered)
    };
    let found = u32::from_le_bytes([c0, c1, c2, c3]);
    if found != computed {
        return Err(ProtocolError::Checksum { kind: Kind::name_of(kind), found, computed });
    }
    let kind = Kind::from_wire(kind)?;
    Ok(Header {
        length: u32::from_le_bytes([l0, l1, l2, l3]),
        kind,
        flags: Flags(flags).allowed_on(kind)?,
        method: u16::from_le_bytes([m0, m1]),
        deadline: u32::from_le_bytes([d0, d1, d2, d3]),
        id: SlotId::from_wire(u64::from_le_bytes(id)),
    })
}

#[cfg(test)]
mod tests;
