//! What a frame's checksum covers, and the checksum: CRC-32C (RFC 3720, appendix B.4).

use super::Kind;
use super::wire::Reader;
use crate::error::ProtocolError;
use crc_fast::{CrcAlgorithm, Digest};

/// What the checksum of a frame covers. Agreed in the handshake.
///
/// Only `Request`, `Reply` and `Chunk` follow the agreement. All other kinds are always covered whole, so a `Bind` that
/// is sent before the answer to the handshake is there reads the same under either agreement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Header and body. The default.
    #[default]
    Whole,
    /// The header alone, for streams that protect their bytes already, such as TLS.
    HeaderOnly,
}

impl Checksum {
    pub(super) fn to_wire(self) -> u8 {
        match self {
            Checksum::Whole => 0,
            Checksum::HeaderOnly => 1,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        match reader.u8("checksum")? {
            0 => Ok(Checksum::Whole),
            1 => Ok(Checksum::HeaderOnly),
            other => Err(reader.malformed(format!("checksum is {other}, not 0 or 1"))),
        }
    }

    #[inline]
    pub(super) fn covers_body(self, kind: u8) -> bool {
        self == Checksum::Whole || !(Kind::Request.to_wire()..=Kind::Chunk.to_wire()).contains(&kind)
    }
}

#[inline]
pub(super) fn of(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The checksum of `first` and `pieces`, one after the other.
#[inline]
pub(super) fn of_pieces(first: &[u8], pieces: &[impl AsRef<[u8]>]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(first);
    for piece in pieces {
        digest.update(piece.as_ref());
    }
    // The crate's answer is as wide as its widest polynomial.
    digest.finalize() as u32
}
