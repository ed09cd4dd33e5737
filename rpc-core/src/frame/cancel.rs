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
