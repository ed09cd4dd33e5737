//! `GoAway`: the server stops and wants no new calls. It has no "last call": every request gets its own answer.

use super::{Checksum, Header, Kind, wire};
use crate::error::ProtocolError;

/// Asks the client to send new calls elsewhere and to close when its slots are free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoAway {
    /// Why, for people.
    pub reason: String,
}

impl GoAway {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = wire::begin_plain(out, Kind::GoAway);
        wire::put_str(out, &self.reason);
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = wire::read_plain(header, body)?;
        let reason = reader.str("reason")?.to_owned();
        reader.end()?;
        Ok(Self { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{round_trip, same};

    #[test]
    fn a_go_away_has_these_bytes() {
        let go_away = GoAway { reason: "shutting down".to_owned() };
        same(
            |out| go_away.write(out),
            "270000001ba602c60c0000000000000000000000000000000d007368757474696e6720646f776e",
        );
        round_trip(|out| go_away.write(out), GoAway::read, &go_away);
    }
}
