//! Requests that were admitted and whose handlers have not started: they start, or never will.

use super::share::{Shared, Whose};
use super::slot::{Queued, Running, Slot, SlotState};
use super::{Output, Session};
use crate::error::Code;
use crate::frame::{Answer, Refusal};
use crate::ids::SlotId;
use crate::time::Instant;

/// Why a request is refused whose time was over when its turn came.
pub(super) const LATE: &str = "the call's time was over before it could start";

/// Requests that were taken back may wait for their turn at the driver even if few slots were granted.
const TAKEN_BACK_MIN: usize = 64;

/// Whether a handler may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Begin {
    /// It starts now: the call counts as running.
    Now,
    /// So many run already that it has to wait. To be asked again when one of them has ended.
    Later {
        /// Not only handlers for this peer have to wait, but all.
        everybody: bool,
    },
    /// It must not start, and all who wait are answered already: the call was cancelled while it waited, or its time is over,
    /// or its session.
    Never,
}

impl Session {
    /// To be asked right before the handler of an [`Execute`](super::Execute) is polled for the first time, until the answer is
    /// not [`Begin::Later`] any more, and not again after that.
    #[inline]
    pub fn begin(&mut self, now: Instant, at: SlotId) -> Begin {
        let slot = self.slots.get_mut(at.slot as usize).filter(|slot| slot.last == at.sequence);
        let Some(Slot { state: SlotState::Queued(queued), .. }) = slot else {
            self.let_go(at);
            return Begin::Never;
        };
        let Queued { idempotent, blocking, deadline, bytes } = *queued;
        if deadline <= now && !mutant!(StartsLate) {
            self.withdraw(at, Code::DeadlineExceeded, LATE);
            self.let_go(at);
            if mutant!(RefusalLeavesRunning) {
                self.slots[at.slot as usize].state =
                    SlotState::Running(Running { idempotent, blocking, deadline, stopped: false, bytes });
            }
            return Begin::Never;
        }
        if let Err(whose) = self.share.begin() {
            return Begin::Later { everybody: whose == Whose::Server };
        }
        self.slots[at.slot as usize].state =
            SlotState::Running(Running { idempotent, blocking, deadline, stopped: false, bytes });
        self.stats.calls += 1;
        self.next_deadline = self.next_deadline.min(deadline);
        Begin::Now
    }

    /// A request that was taken back is not held any more.
    fn let_go(&mut self, at: SlotId) {
        self.share.leave(Shared::Admitted);
        if let Some(which) = self.taken_back.iter().position(|(id, _)| *id == at) {
            let (_, bytes) = self.taken_back.swap_remove(which);
            self.requested -= bytes as usize;
        }
    }

    /// What is held of it is not known of its slot any more.
    pub(super) fn take_back(&mut self, at: SlotId) {
        if let Some(SlotState::Queued(queued)) = self.slots.get(at.slot as usize).map(|slot| &slot.state) {
            self.taken_back.push((at, queued.bytes));
        }
    }

    /// Whether a handler that had to wait might start now.
    pub fn may_begin(&self) -> bool {
        self.share.may_enter(Shared::Executing)
    }

    /// As many as there are slots are alive. The others were taken back and only wait until the driver asks: without a bound
    /// a client could pile them up behind a handler that takes its time.
    pub(super) fn unbegun_max(&self) -> usize {
        let slots = self.agreed.slots as usize;
        slots.saturating_add(slots.max(TAKEN_BACK_MIN))
    }

    /// A queued request is not started after all: its slot is as if it had not come, and all who wait are refused.
    #[cold]
    pub(super) fn withdraw(&mut self, at: SlotId, code: Code, reason: &str) {
        self.take_back(at);
        let slot = &mut self.slots[at.slot as usize];
        (slot.state, slot.brought) = (SlotState::Vacant, 0);
        let waiters = std::mem::take(&mut slot.waiters);
        self.stats.shed += 1;
        let mut payload = Vec::new();
        Refusal { code, reason: reason.to_owned() }.write(&mut payload);
        self.answer_all(waiters, at, Answer::Refused, &payload);
    }

    /// The session is at its end, and nobody is left to be answered.
    pub(super) fn drop_queued(&mut self) {
        for index in 0..self.slots.len() {
            let at = SlotId { slot: index as u32, sequence: self.slots[index].last };
            if matches!(self.slots[index].state, SlotState::Queued(_)) {
                self.take_back(at);
                self.slots[index].state = SlotState::Vacant;
            }
        }
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Execute(execute) => self.let_go(execute.at),
                other => self.outputs.push_back(other),
            }
        }
    }
}
