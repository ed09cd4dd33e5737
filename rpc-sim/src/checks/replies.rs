//! A reply belongs to its call, and every copy of it is the same to the byte.

use crate::hall;
use crate::journal::SessionKey;
use crate::world::World;
use rpc_core::SlotId;
use xxhash_rust::xxh3::xxh3_64;

impl World {
    /// A caller gets a payload.
    pub(crate) fn check_owner(&mut self, tag: u32, payload: &[u8]) {
        let owner = hall::tag_of(payload);
        if owner != Some(tag) {
            return self.violate("reply-of-another-call", format!("call {tag} got the reply of {owner:?}"));
        }
        let hash = xxh3_64(payload);
        if self.journal.call(tag).is_some_and(|call| !call.results.contains(&hash)) {
            let length = payload.len();
            self.violate("payloads-arrive", format!("call {tag} got {length} bytes that no handler said"));
        }
    }

    /// A handler is entered, with all that its caller gave to it.
    pub(crate) fn check_arguments(&mut self, tag: u32, run: usize) {
        let payload = &self.runs[run].payload;
        let call = self.journal.calls.get(tag as usize);
        if call.is_some_and(|call| *payload != hall::tagged(tag, call.length)) {
            let length = payload.len();
            self.violate("payloads-arrive", format!("call {tag} starts with {length} other bytes"));
        }
    }

    /// A reply to an at-most-once call is written.
    pub(crate) fn check_same_reply(&mut self, tag: u32, key: SessionKey, at: SlotId, hash: u64) {
        let Some(call) = self.journal.call(tag) else { return };
        let first = *call.reply.get_or_insert(hash);
        if first != hash {
            let place = format!("{key} {}-{}", at.slot, at.sequence);
            self.violate("same-reply", format!("call {tag} is answered differently at {place}"));
        }
    }
}
