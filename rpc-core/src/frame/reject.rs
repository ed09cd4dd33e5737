//! `Reject`: the server refuses the connection, and ends it.

use super::{Checksum, Header, Kind, MAGIC, PROTOCOL_MAX, PROTOCOL_MIN, hello, wire};
use crate::error::ProtocolError;

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RejectCode {
    /// No version of the protocol in common.
    #[default]
    Protocol,
    /// No codec in common.
    Codec,
    /// The credentials do not suffice.
    Credentials,
    /// The session that the client wants to resume is not known.
    NoSession,
    /// The server takes no new sessions, because it stops.
    Draining,
    /// Too many connections or sessions.
    TooMany,
    /// A number that this version does not know.
    Other(u8),
}

impl RejectCode {
    /// Its number on the wire.
    pub fn to_wire(self) -> u8 {
        match self {
            RejectCode::Protocol => 1,
            RejectCode::Codec => 2,
            RejectCode::Credentials => 3,
            RejectCode::NoSession => 4,
            RejectCode::Draining => 5,
            RejectCode::TooMany => 6,
            RejectCode::Other(number) => number,
        }
    }

    /// Reads a number from the wire.
    pub fn from_wire(number: u8) -> Self {
        match number {
            1 => RejectCode::Protocol,
            2 => RejectCode::Codec,
            3 => RejectCode::Credentials,
            4 => RejectCode::NoSession,
            5 => RejectCode::Draining,
            6 => RejectCode::TooMany,
            other => RejectCode::Other(other),
        }
    }
}

/// The answer to a `Hello`: no. Laid out alike in all versions of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub code: RejectCode,
    /// The oldest version of the protocol that the server speaks.
    pub protocol_min: u16,
    /// The newest one.
    pub protocol_max: u16,
    /// When to try again, in milliseconds; 0 if trying again is of no use.
    pub retry_after_ms: u32,
    /// The reason, for people.
    pub reason: String,
}

impl Reject {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = wire::begin_plain(out, Kind::Reject);
        out.extend_from_slice(&MAGIC);
        out.push(self.code.to_wire());
        wire::put_version(out, (self.protocol_min, self.protocol_max));
        wire::put_u32(out, self.retry_after_ms);
        wire::put_str(out, &self.reason);
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = wire::read_plain(header, body)?;
        hello::magic(&mut reader)?;
        let reject = Self {
            code: RejectCode::from_wire(reader.u8("code")?),
            protocol_min: reader.u16("protocol_min")?,
            protocol_max: reader.u16("protocol_max")?,
            retry_after_ms: reader.u32("retry_after_ms")?,
            reason: reader.str("reason")?.to_owned(),
        };
        reader.end()?;
        Ok(reject)
    }
}

impl Default for Reject {
    /// No version of the protocol in common, with the versions of this crate.
    fn default() -> Self {
        Self {
            code: RejectCode::Protocol,
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            retry_after_ms: 0,
            reason: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{round_trip, same};

    #[test]
    fn a_reject_has_these_bytes() {
        let reject = Reject {
            code: RejectCode::TooMany,
            retry_after_ms: 500,
            reason: "16384 connections".to_owned(),
            ..Reject::default()
        };
        same(
            |out| reject.write(out),
            "3c00000063ff4dc4030000000000000000000000000000004341524e454749450601000100f40100\
             001100313633383420636f6e6e656374696f6e73",
        );
        round_trip(|out| reject.write(out), Reject::read, &reject);
    }

    #[test]
    fn a_code_from_the_future_is_kept() {
        for number in 0..=u8::MAX {
            assert_eq!(RejectCode::from_wire(number).to_wire(), number);
        }
    }
}
