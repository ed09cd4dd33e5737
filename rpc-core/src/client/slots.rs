//! The client's slots: lanes of the session, with at most one call in each.

use super::{BindingId, CallKey};
use crate::frame::RELEASE_MAX;
use crate::ids::SlotId;
use crate::time::Instant;
use std::time::Duration;

/// ```text
///         a call is given to it            the server answers, or nothing of it was ever written
///  Free ------------------------> Pending -------------------------------------------------------> Free
///                                  |   | one copy is refused, another may be on its way: Cancel      ^
///                                  |   v                                                             |
///                                  | Fencing ------------------- the server answers -----------------+
///                                  |   |                                                             |
///      the caller gives up an      v   v                                                             |
///      at-most-once call: Cancel  Quarantined ------------------ the server answers -----------------+
/// ```
/// A slot whose caller has given up takes no new call until the server has promised that the old one will never start,
/// or has told what became of it: otherwise a late copy of the old request could be taken for the new one.
#[derive(Clone, Copy, Debug)]
pub(super) enum SlotState {
    Free,
    Pending(CallKey),
    Fencing(CallKey),
    /// The method of the call, so that its reply can be read should it come after all.
    Quarantined(BindingId, u16),
}

/// The copy of the request that is on the session's present connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// There is none, or it was refused.
    None,
    /// A single frame, from here to there in the connection's stream.
    Frame { position: u64, end: u64 },
    /// In parts.
    Large,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The number of the last call. Numbers only grow; one that was refused is never used again.
    pub(super) sequence: u64,
    /// Calls that the session was given before this one.
    pub(super) order: u64,
    pub(super) state: SlotState,
    pub(super) copy: Copy,
    /// A copy was written to a connection that is gone. It may arrive at any time, until a fence is answered.
    pub(super) stray: bool,
    /// A fence that was answered with `Busy` is written again then.
    pub(super) again: Instant,
    /// The last call runs at most once: the server records its reply.
    recorded: bool,
    /// The newest number whose reply the server has recorded and may still keep; zero if there is none. It stands until a
    /// later call was executed: one that was taken back, or refused, may have left the reply where it is.
    kept: u64,
}

const UNUSED: Slot = Slot {
    sequence: 0,
    order: 0,
    state: SlotState::Free,
    copy: Copy::None,
    stray: false,
    again: Instant::NEVER,
    recorded: false,
    kept: 0,
};

/// Slots that are searched in one go for replies to release.
const SEARCHED: usize = RELEASE_MAX;

#[derive(Default)]
pub(super) struct Slots {
    all: Vec<Slot>,
    free: Vec<u32>,
    granted: u32,
    in_use: usize,
    /// Calls that were given a slot.
    given: u64,
    /// Since when none is in use.
    idle_since: Instant,
    /// Slots whose replies the server may keep, and where the search for them goes on.
    kept: usize,
    searched: usize,
}

impl Slots {
    /// Starts over with a new session: all slots free, all numbers from one.
    pub(super) fn reset(&mut self, granted: u32) {
        self.all.clear();
        self.free.clear();
        (self.granted, self.in_use) = (granted, 0);
        (self.kept, self.searched) = (0, 0);
    }

    /// A free slot with its next number; none if all are taken. `recorded`: the call runs at most once.
    #[inline]
    pub(super) fn take(&mut self, call: CallKey, recorded: bool) -> Option<SlotId> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if (self.all.len() as u32) < self.granted => {
                self.all.push(UNUSED);
                self.all.len() as u32 - 1
            }
            None => return None,
        };
        let slot = self.all.get_mut(index as usize)?;
        slot.sequence += 1;
        slot.order = self.given;
        self.given += 1;
        slot.state = SlotState::Pending(call);
        (slot.copy, slot.stray) = (Copy::None, false);
        slot.recorded = recorded;
        self.in_use += 1;
        Some(SlotId { slot: index, sequence: slot.sequence })
    }

    /// Whether a call can be given a slot.
    #[inline]
    pub(super) fn has_free(&self) -> bool {
        !self.free.is_empty() || (self.all.len() as u32) < self.granted
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot> {
        self.all.get_mut(index as usize)
    }

    /// The slot with this id, if that is still its current call.
    #[inline]
    pub(super) fn current(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.all
            .get_mut(id.slot as usize)
            .filter(|slot| slot.sequence == id.sequence || mutant!(RepliedBySlot))
    }

    /// The slot's call was executed, and is over. Its request has told the server that the reply before it has come.
    #[inline]
    pub(super) fn finish(&mut self, now: Instant, index: u32) {
        if let Some(slot) = self.all.get_mut(index as usize) {
            self.kept -= usize::from(slot.kept != 0);
            slot.kept = if slot.recorded { slot.sequence } else { 0 };
            self.kept += usize::from(slot.kept != 0);
        }
        self.release(now, index);
    }

    /// The slot's call is over.
    #[inline]
    pub(super) fn release(&mut self, now: Instant, index: u32) {
        let Some(slot) = self.all.get_mut(index as usize) else { return };
        slot.state = SlotState::Free;
        slot.again = Instant::NEVER;
        self.in_use -= 1;
        if self.in_use == 0 {
            self.idle_since = now;
        }
        // A slot at its last number is retired: numbers never wrap.
        if slot.sequence < SlotId::SEQUENCE_MAX {
            self.free.push(index);
        }
    }

    /// When the server is to be told that nobody will ask for the replies that it keeps: once no call was made for so long.
    #[inline]
    pub(super) fn idle_at(&self, keep_alive: Duration) -> Instant {
        if self.in_use == 0 && self.kept > 0 { self.idle_since + keep_alive } else { Instant::NEVER }
    }

    /// The calls whose replies the server may keep: those that a bounded search finds. They are given out once.
    pub(super) fn take_kept(&mut self) -> Vec<SlotId> {
        let mut ids = Vec::new();
        for _ in 0..SEARCHED.min(self.all.len()) {
            self.searched = (self.searched + 1) % self.all.len();
            let (index, slot) = (self.searched, &mut self.all[self.searched]);
            let sequence = std::mem::take(&mut slot.kept);
            if sequence != 0 {
                self.kept -= 1;
                ids.push(SlotId { slot: index as u32, sequence });
            }
        }
        ids
    }

    /// Slots with a call, or in quarantine.
    #[inline]
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// The slots in use, with their ids.
    pub(super) fn used(&self) -> Vec<(SlotId, Slot)> {
        let used = self.all.iter().enumerate().filter(|(_, slot)| !matches!(slot.state, SlotState::Free));
        used.map(|(index, slot)| (SlotId { slot: index as u32, sequence: slot.sequence }, *slot)).collect()
    }

    /// Whether a caller waits for one of them.
    pub(super) fn has_callers(&self) -> bool {
        self.all.iter().any(|slot| matches!(slot.state, SlotState::Pending(_) | SlotState::Fencing(_)))
    }

    /// Whether the session can carry no call any more: every slot has reached its last number.
    pub(super) fn is_exhausted(&self) -> bool {
        self.in_use == 0 && self.free.is_empty() && self.granted > 0 && self.all.len() as u32 == self.granted
    }
}
