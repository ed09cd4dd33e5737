//! A reply belongs to its call, and every copy of it is the same to the byte.

use crate::hall;
use crate::journal::SessionKey;
use crate::world::World;
use rpc_core::SlotId;

impl World {
    /// A caller gets a payload.
    pub(crate) fn check_owner(&mut self, tag: u32, payload: &[u8]) {
        let owner = hall::tag_of(payload);
        if owner != Some(tag) {
            self.violate("reply-of-another-call", format!("call {tag} got the reply of {owner:?}"));
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
