//! `Ping` and `Pong`: whether the peer is alive, how long the way is, and where connection time starts anew.

use super::{Checksum, Flags, Header, Kind};
use crate::error::ProtocolError;
use crate::ids::SlotId;

fn write(out: &mut Vec<u8>, kind: Kind, number: u64) {
    let id = SlotId { slot: 0, sequence: number & SlotId::SEQUENCE_MAX };
    let start = super::begin(out, kind, Flags::NONE, 0, 0, id);
    super::seal(out, start, Checksum::Whole);
}

fn read(header: &Header, body: &[u8]) -> Result<u64, ProtocolError> {
    header.no_method()?.no_deadline()?.no_slot()?.no_body(body)?;
    Ok(header.id.sequence)
}

/// Asks for a `Pong` with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Below 2^40; each side counts its own.
    pub number: u64,
}

impl Ping {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(out, Kind::Ping, self.number);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`: anything but a number.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        read(header, body).map(|number| Self { number })
    }
}

/// Answers a `Ping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// That of the `Ping`.
    pub number: u64,
}

impl Pong {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(out, Kind::Pong, self.number);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`: anything but a number.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        read(header, body).map(|number| Self { number })
    }
}
