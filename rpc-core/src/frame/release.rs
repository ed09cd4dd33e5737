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
        if count == 0 {
            return Err(reader.malformed("it names no call".to_owned()));
        }
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(SlotId::from_wire(reader.u64("the id of a call")?));
        }
        reader.end()?;
        Ok(Self { ids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{round_trip, same};

    #[test]
    fn a_release_has_these_bytes() {
        let last = SlotId { slot: SlotId::SLOT_MAX, sequence: SlotId::SEQUENCE_MAX };
        let release = Release { ids: vec![SlotId { slot: 5, sequence: 1 }, last] };
        same(
            |out| release.write(out),
            "2a000000ee7519820d00000000000000000000000000000002000500000100000000ffffffffffff\
             ffff",
        );
        round_trip(|out| release.write(out), Release::read, &release);
    }

    #[test]
    fn more_calls_than_one_frame_holds_go_in_several() {
        let ids: Vec<_> = (0..2 * RELEASE_MAX as u32 + 1).map(|slot| SlotId { slot, sequence: 1 }).collect();
        let mut out = Vec::new();
        Release { ids: ids.clone() }.write(&mut out);
        let mut rest = out.as_slice();
        let mut found = Vec::new();
        while let Some((header, body)) = crate::frame::split(rest, Checksum::Whole).expect("legal frames") {
            found.extend(Release::read(&header, body).expect("a release").ids);
            rest = &rest[header.length as usize..];
        }
        assert_eq!((found, rest.len()), (ids, 0));
    }
}
