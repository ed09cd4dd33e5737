//! `Cancel`: the caller has given up. A fence: what was not started never will be.

use super::{Checksum, Flags, Header, Kind};
use crate::error::ProtocolError;
use crate::ids::SlotId;

/// Asks the server to promise that it never starts this call if it has not yet, and for the outcome in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The call.
    pub id: SlotId,
    /// Whether the bytes of the reply are wanted if there is one; otherwise the outcome is enough.
    pub want_reply: bool,
}

impl Cancel {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = super::begin(out, Kind::Cancel, Flags::NONE, u16::from(self.want_reply), 0, self.id);
        super::seal(out, start, Checksum::Whole);
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// `Malformed`: a body, or something else than 0 and 1.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        header.no_deadline()?.no_body(body)?;
        let want_reply = match header.method {
            0 => false,
            1 => true,
            other => return Err(header.malformed(format!("the method field is {other}, not 0 or 1"))),
        };
        Ok(Self { id: header.id, want_reply })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, round_trip, same};

    #[test]
    fn a_cancel_has_these_bytes() {
        let cancel = Cancel { id: SlotId { slot: 5, sequence: 1 }, want_reply: true };
        same(|out| cancel.write(out), "180000009d9ae30609000100000000000500000100000000");
        round_trip(|out| cancel.write(out), Cancel::read, &cancel);
    }

    #[test]
    fn a_cancel_that_wants_something_else_is_refused() {
        let write = |out: &mut Vec<u8>| {
            let start = crate::frame::begin(out, Kind::Cancel, Flags::NONE, 2, 0, SlotId::default());
            crate::frame::seal(out, start, Checksum::Whole);
        };
        assert_eq!(malformed(write, Cancel::read), "the method field is 2, not 0 or 1");
    }
}
