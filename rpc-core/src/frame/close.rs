//! `Close`: the last frame of a connection, so that the peer knows why it ends.

use super::{Checksum, Header, Kind, wire};
use crate::error::ProtocolError;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The peer sent what the protocol does not allow.
    ProtocolError,
    /// This side stops, or has no more use for the connection.
    GoingAway,
    /// One request id with two payloads. The session ends too.
    Misuse,
    /// The peer has been silent for too long.
    Timeout,
    /// A number that this version does not know.
    Other(u16),
}

impl CloseCode {
    /// Its number on the wire.
    pub fn to_wire(self) -> u16 {
        match self {
            CloseCode::ProtocolError => 1,
            CloseCode::GoingAway => 2,
            CloseCode::Misuse => 3,
            CloseCode::Timeout => 4,
            CloseCode::Other(number) => number,
        }
    }

    /// Reads a number from the wire.
    pub fn from_wire(number: u16) -> Self {
        match number {
            1 => CloseCode::ProtocolError,
            2 => CloseCode::GoingAway,
            3 => CloseCode::Misuse,
            4 => CloseCode::Timeout,
            other => CloseCode::Other(other),
        }
    }
}

/// The last frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Why.
    pub code: CloseCode,
    /// Why, for people.
    pub reason: String,
}

impl Close {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = wire::begin_plain(out, Kind::Close);
        wire::put_u16(out, self.code.to_wire());
        wire::put_str(out, &self.reason);
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = wire::read_plain(header, body)?;
        let code = CloseCode::from_wire(reader.u16("code")?);
        let reason = reader.str("reason")?.to_owned();
        reader.end()?;
        Ok(Self { code, reason })
    }
}

impl From<&ProtocolError> for Close {
    /// What to tell the peer that caused this error.
    fn from(error: &ProtocolError) -> Self {
        let code = match error {
            ProtocolError::Misuse { .. } => CloseCode::Misuse,
            _ => CloseCode::ProtocolError,
        };
        Self { code, reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{round_trip, same};

    #[test]
    fn a_close_has_these_bytes() {
        let close = Close { code: CloseCode::ProtocolError, reason: "frame kind 15".to_owned() };
        same(
            |out| close.write(out),
            "29000000ab584d5c0e00000000000000000000000000000001000d006672616d65206b696e642031\
             35",
        );
        round_trip(|out| close.write(out), Close::read, &close);
    }

    #[test]
    fn misuse_is_told_apart_from_other_errors() {
        let misuse = ProtocolError::Misuse { slot: 3, sequence: 4 };
        assert_eq!(Close::from(&misuse).code, CloseCode::Misuse);
        let close = Close::from(&ProtocolError::UnknownKind { kind: 15 });
        assert_eq!(close.code, CloseCode::ProtocolError);
        assert_eq!(close.reason, "frame kind 15 is not known to this version");
    }
}
