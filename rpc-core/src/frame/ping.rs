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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, round_trip, same};

    #[test]
    fn ping_and_pong_have_these_bytes() {
        same(|out| Ping { number: 9 }.write(out), "18000000f35b5aec0a000000000000000000000900000000");
        round_trip(|out| Ping { number: 9 }.write(out), Ping::read, &Ping { number: 9 });
        same(|out| Pong { number: 9 }.write(out), "180000000d56561e0b000000000000000000000900000000");
        round_trip(|out| Pong { number: 9 }.write(out), Pong::read, &Pong { number: 9 });
    }

    #[test]
    fn a_ping_with_anything_but_a_number_is_refused() {
        let mut id = SlotId { slot: 1, sequence: 9 };
        let write = |out: &mut Vec<u8>, id, body: &[u8]| {
            let start = crate::frame::begin(out, Kind::Ping, Flags::NONE, 0, 0, id);
            out.extend_from_slice(body);
            crate::frame::seal(out, start, Checksum::Whole);
        };
        assert_eq!(malformed(|out| write(out, id, b""), Ping::read), "the slot is 1, not zero");
        id.slot = 0;
        let what = malformed(|out| write(out, id, b"x"), Ping::read);
        assert_eq!(what, "the length of the body is 1, not zero");
    }
}
