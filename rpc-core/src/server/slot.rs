//! The server's slots: what was executed last in each lane, and its reply. The heart of at-most-once.

use crate::frame::Answer;
use crate::service::Parts;
use crate::time::Instant;

/// ```text
///           Request, admitted           the driver begins        completion, at most once
///   Vacant -------------------> Queued --------------------> Running -----------------------> Done
///    ^  ^ ^                      |                            |   |
///    |  | | too late, session    |     completion, idempotent |   | Cancel, idempotent: the handler
///    |  | +----------------------+                            |   | is dropped
///    |  +-----------------------------------------------------+   |
///    +------------------------------------------------------------+
///   Vacant, Queued -- Cancel --> Fenced;  Running -- it was told to stop, and has not entered its method --> Fenced
///   any but Running at most once -- Cancel of a number not seen --> Fenced
/// ```
/// A higher number starts over from any state, except that a `Request` is refused while an at-most-once call is queued,
/// and anything while one runs.
#[derive(Debug, Default)]
pub(super) enum SlotState {
    /// Nothing to remember: never used, or the last call was idempotent and is over. A copy runs as if it were new.
    #[default]
    Vacant,
    /// Admitted, and its handler has not started: it still can be kept from starting.
    Queued(Queued),
    /// A handler runs.
    Running(Running),
    /// An at-most-once call was executed. A copy gets the same answer.
    Done(Recorded),
    /// The number will never run.
    Fenced,
}

#[derive(Debug)]
pub(super) struct Queued {
    pub(super) idempotent: bool,
    pub(super) blocking: bool,
    pub(super) deadline: Instant,
    /// Of its payload.
    pub(super) bytes: u32,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) idempotent: bool,
    /// It has a thread of its own, from which nothing can take it away.
    pub(super) blocking: bool,
    pub(super) deadline: Instant,
    /// The handler was told that nobody waits.
    pub(super) stopped: bool,
    /// Of its payload.
    pub(super) bytes: u32,
}

/// The outcome of an at-most-once call.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) answer: Answer,
    pub(super) payload: Parts,
}

impl SlotState {
    /// Bytes of the reply that it keeps.
    #[inline]
    pub(super) fn kept(&self) -> usize {
        if let SlotState::Done(recorded) = self { recorded.payload.len() } else { 0 }
    }
}

impl Recorded {
    /// All that is left of a reply whose bytes are not kept.
    pub(super) fn without_reply() -> Self {
        Recorded { answer: Answer::Executed, payload: Parts::default() }
    }
}

/// One lane of the session.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The highest number that was admitted or fenced. Numbers below it are history.
    pub(super) last: u64,
    pub(super) state: SlotState,
    /// The connections on which an answer to `last` is waited for, one bit each.
    pub(super) waiters: u8,
    /// Those of them that came while the handler was running already.
    pub(super) attached: u8,
    /// Those that have brought all of the request under `last`, if it was neither refused nor fenced since.
    pub(super) brought: u8,
    /// Of method and payload, for at-most-once calls: the same number with another payload is a broken client.
    pub(super) hash: u64,
}

/// What a request means to a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// An older number: nobody waits for it.
    Old,
    /// A number that has not run: admit it or refuse it.
    New,
    /// A higher number, while an at-most-once call is queued or runs.
    Busy,
    /// A copy of a call that has not started: wait with it.
    Join,
    /// A copy of the call that runs: wait with it.
    Attach,
    /// A copy of a call that has its answer.
    Replay,
    /// A copy of a number that will never run.
    Fenced,
    /// A copy with another payload.
    Misuse,
}

/// What a cancel means to a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelling {
    /// An older number.
    Stale,
    /// The number will never run, from now on or already.
    Fence,
    /// It runs at most once: wait for its outcome, and let the handler know.
    Wait,
    /// It ran idempotently: drop it.
    Drop,
    /// It was executed.
    Replay,
    /// An older at-most-once call still runs in the slot.
    Busy,
}

impl Slot {
    /// Row by row the table of requests. `hash` is zero for idempotent calls.
    #[inline]
    pub(super) fn look_up(&self, sequence: u64, hash: u64) -> Lookup {
        if sequence < self.last {
            let busy = matches!(self.state, SlotState::Queued(_) | SlotState::Running(_));
            return if mutant!(StaleRuns) && !busy { Lookup::New } else { Lookup::Old };
        }
        if mutant!(GapsAreMisuse) && sequence > self.last + 1 {
            return Lookup::Misuse;
        }
        if sequence > self.last {
            let queued = matches!(&self.state, SlotState::Queued(queued) if !queued.idempotent);
            return if queued || self.runs_at_most_once() { Lookup::Busy } else { Lookup::New };
        }
        match &self.state {
            SlotState::Vacant => Lookup::New,
            SlotState::Queued(queued) if queued.idempotent => Lookup::Join,
            SlotState::Running(running) if running.idempotent => Lookup::Attach,
            SlotState::Queued(_) | SlotState::Running(_) | SlotState::Done(_)
                if self.hash != hash && !mutant!(PayloadNotChecked) =>
            {
                Lookup::Misuse
            }
            SlotState::Queued(_) => Lookup::Join,
            SlotState::Running(_) if mutant!(DuplicateRuns) => Lookup::New,
            SlotState::Running(_) => Lookup::Attach,
            SlotState::Done(_) => Lookup::Replay,
            SlotState::Fenced => Lookup::Fenced,
        }
    }

    /// Row by row the table of cancels.
    pub(super) fn look_up_cancel(&self, sequence: u64) -> Cancelling {
        if sequence < self.last {
            return Cancelling::Stale;
        }
        if sequence > self.last {
            return if self.runs_at_most_once() { Cancelling::Busy } else { Cancelling::Fence };
        }
        match &self.state {
            SlotState::Vacant | SlotState::Queued(_) | SlotState::Fenced => Cancelling::Fence,
            SlotState::Running(running) if running.idempotent => Cancelling::Drop,
            SlotState::Running(_) if mutant!(FencedWhileRunning) => Cancelling::Fence,
            SlotState::Running(_) => Cancelling::Wait,
            SlotState::Done(_) => Cancelling::Replay,
        }
    }

    /// Whether a request on these connections is of no consequence where it cannot be taken: its number is history, or they have
    /// brought all of it before. A client writes one copy to a connection, and would take a refusal for that one's.
    pub(super) fn is_repeated(&self, sequence: u64, lanes: u8) -> bool {
        sequence < self.last || (sequence == self.last && self.brought & lanes != 0)
    }

    #[inline]
    fn runs_at_most_once(&self) -> bool {
        matches!(&self.state, SlotState::Running(running) if !running.idempotent)
    }

    /// The handler that runs under this number, if one does.
    #[inline]
    pub(super) fn running(&mut self, sequence: u64) -> Option<&mut Running> {
        match &mut self.state {
            SlotState::Running(running) if self.last == sequence || mutant!(CompletedBySlot) => Some(running),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(state: SlotState) -> Slot {
        Slot { last: 5, state, waiters: 0, attached: 0, brought: 0, hash: 7 }
    }

    fn queued(idempotent: bool) -> SlotState {
        SlotState::Queued(Queued { idempotent, blocking: false, deadline: Instant::NEVER, bytes: 0 })
    }

    fn running(idempotent: bool) -> SlotState {
        SlotState::Running(Running {
            idempotent,
            blocking: false,
            deadline: Instant::NEVER,
            stopped: false,
            bytes: 0,
        })
    }

    fn done() -> SlotState {
        SlotState::Done(Recorded { answer: Answer::Ok, payload: Parts::default() })
    }

    #[test]
    fn requests_follow_the_table() {
        let rows = [
            (SlotState::Vacant, Lookup::New, Lookup::New),
            (queued(false), Lookup::Join, Lookup::Busy),
            (queued(true), Lookup::Join, Lookup::New),
            (running(false), Lookup::Attach, Lookup::Busy),
            (running(true), Lookup::Attach, Lookup::New),
            (done(), Lookup::Replay, Lookup::New),
            (SlotState::Fenced, Lookup::Fenced, Lookup::New),
        ];
        for (state, same, higher) in rows {
            let slot = slot(state);
            assert_eq!(slot.look_up(4, 7), Lookup::Old, "{slot:?}");
            assert_eq!(slot.look_up(5, 7), same, "{slot:?}");
            assert_eq!(slot.look_up(6, 7), higher, "{slot:?}");
            assert_eq!(slot.look_up(900, 7), higher, "gaps are legal: {slot:?}");
        }
    }

    #[test]
    fn cancels_follow_the_table() {
        let rows = [
            (SlotState::Vacant, Cancelling::Fence, Cancelling::Fence),
            (queued(false), Cancelling::Fence, Cancelling::Fence),
            (queued(true), Cancelling::Fence, Cancelling::Fence),
            (running(false), Cancelling::Wait, Cancelling::Busy),
            (running(true), Cancelling::Drop, Cancelling::Fence),
            (done(), Cancelling::Replay, Cancelling::Fence),
            (SlotState::Fenced, Cancelling::Fence, Cancelling::Fence),
        ];
        for (state, same, higher) in rows {
            let slot = slot(state);
            assert_eq!(slot.look_up_cancel(4), Cancelling::Stale, "{slot:?}");
            assert_eq!(slot.look_up_cancel(5), same, "{slot:?}");
            assert_eq!(slot.look_up_cancel(6), higher, "{slot:?}");
        }
    }

    #[test]
    fn another_payload_under_a_recorded_number_is_misuse() {
        assert_eq!(slot(queued(false)).look_up(5, 8), Lookup::Misuse);
        assert_eq!(slot(running(false)).look_up(5, 8), Lookup::Misuse);
        assert_eq!(slot(done()).look_up(5, 8), Lookup::Misuse);
        assert_eq!(
            slot(SlotState::Fenced).look_up(5, 8),
            Lookup::Fenced,
            "a fence has no payload to compare"
        );
        assert_eq!(slot(queued(true)).look_up(5, 8), Lookup::Join, "idempotent calls are not hashed");
        assert_eq!(slot(running(true)).look_up(5, 8), Lookup::Attach, "idempotent calls are not hashed");
    }
}
