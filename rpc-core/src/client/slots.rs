//! The client's slots: lanes of the session, with at most one call in each.

use super::CallKey;
use crate::ids::SlotId;
use crate::time::Instant;

/// ```text
///         a call is written                  the server answers
///  Free ------------------------> Pending ------------------------> Free
///                                    | the caller gives up an at-most-once call: Cancel is written
///                                    v
///                               Quarantined -- the server answers --> Free
/// ```
/// A slot whose caller has given up takes no new call until the server has promised that the old one will never start,
/// or has told what became of it: otherwise a late copy of the old request could be taken for the new one.
#[derive(Clone, Copy, Debug)]
pub(super) enum SlotState {
    Free,
    Pending(CallKey),
    /// `again`: the server is busy with it; ask again then.
    Quarantined {
        again: Instant,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The number of the last call. Numbers only grow; one that was refused is never used again.
    pub(super) sequence: u64,
    pub(super) state: SlotState,
    /// Where in the connection's stream the request starts, unless it is a large one.
    pub(super) position: u64,
}

#[derive(Default)]
pub(super) struct Slots {
    all: Vec<Slot>,
    free: Vec<u32>,
    granted: u32,
    in_use: usize,
}

impl Slots {
    /// Starts over with a new session: all slots free, all numbers from one.
    pub(super) fn reset(&mut self, granted: u32) {
        self.all.clear();
        self.free.clear();
        (self.granted, self.in_use) = (granted, 0);
    }

    /// A free slot with its next number; none if all are taken.
    #[inline]
    pub(super) fn take(&mut self, call: CallKey) -> Option<SlotId> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if (self.all.len() as u32) < self.granted => {
                self.all.push(Slot { sequence: 0, state: SlotState::Free, position: 0 });
                self.all.len() as u32 - 1
            }
            None => return None,
        };
        let slot = self.all.get_mut(index as usize)?;
        slot.sequence += 1;
        slot.state = SlotState::Pending(call);
        self.in_use += 1;
        Some(SlotId { slot: index, sequence: slot.sequence })
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot> {
        self.all.get_mut(index as usize)
    }

    /// The slot with this id, if that is still its current call.
    #[inline]
    pub(super) fn current(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.all.get_mut(id.slot as usize).filter(|slot| slot.sequence == id.sequence)
    }

    #[inline]
    pub(super) fn release(&mut self, index: u32) {
        let Some(slot) = self.all.get_mut(index as usize) else { return };
        slot.state = SlotState::Free;
        self.in_use -= 1;
        // A slot at its last number is retired: numbers never wrap.
        if slot.sequence < SlotId::SEQUENCE_MAX {
            self.free.push(index);
        }
    }

    /// Slots that exist so far.
    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    /// Slots with a call, or in quarantine.
    #[inline]
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// The slots in use, with their ids.
    pub(super) fn used(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        self.all
            .iter()
            .enumerate()
            .filter(|(_, slot)| !matches!(slot.state, SlotState::Free))
            .map(|(index, slot)| (SlotId { slot: index as u32, sequence: slot.sequence }, slot))
    }

    /// Whether the session can carry no call any more: every slot has reached its last number.
    pub(super) fn is_exhausted(&self) -> bool {
        self.in_use == 0 && self.free.is_empty() && self.granted > 0 && self.all.len() as u32 == self.granted
    }
}
