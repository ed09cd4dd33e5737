//! `Release`: an idle client lets the server drop replies that no later call has acknowledged.

use super::{Checksum, Header, Kind, wire};
use crate::error::ProtocolError;
use crate::ids::SlotId;

/// Calls in one frame.
pub const RELEASE_MAX: usize = 8192;

/// The replies of these calls have arrived. That they were executed stays known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// The calls. A slot that has gone on to another call meanwhile is left alone.
    pub ids: Vec<SlotId>,
}

impl Release {
    /// Appends as many frames as it takes: none for no calls, one for up to [`RELEASE_MAX`].
    pub fn write(&self, out: &mut Vec<u8>) {
        for ids in self.ids.chunks(RELEASE_MAX) {
            let start = wire::begin_plain(out, Kind::Release);
            wire::put_u16(out, ids.len() as u16);
            for id in ids {
                wire::put_u64(out, id.to_wire());
            }
            super::seal(out, start, Checksum::Whole);
        }
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(header: &Header, body: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = wire::read_plain(header, body)?;
        let count = reader.count("calls", 8, RELEASE_MAX)?;
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(SlotId::from_wire(reader.u64("the id of a call")?));
        }
        reader.end()?;
        Ok(Self { ids })
    }
}
