//! A server that is about to go: its clients are told, and each session says what it still has to be waited for.
//!
//! ```text
//!                       GoAway                 the client needs nothing more here, and closes
//!   serves -------------------------> drains ------------------------------------------------> over
//!                                      |  ^
//!              its connections are lost |  | Hello, resumed: GoAway again, behind the Welcome
//!                                      v  |
//!                                 detached: waited for while something runs, while a reply may still be fetched,
//!                                           and for as long as a client takes that comes back at once
//! ```

use super::Session;
use super::lease::Lease;
use super::slot::SlotState;
use crate::frame::{Answer, GoAway};
use crate::time::Instant;
use std::time::Duration;

/// A client that has something on its way here dials at once when its connection breaks, or once a probe has found it dead. One that
/// has not come back after this long has nothing that this server knows nothing of.
const COMES_BACK: Duration = Duration::from_secs(2);

/// The caller of a kept reply waits until its deadline, and this long it may take him to ask what has become of his call.
const ASKS: Duration = Duration::from_secs(5);

/// What a server that is about to go has to wait for in one session. All zero and false: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// It has a connection: its client has not left yet.
    pub attached: bool,
    /// Calls whose handlers run, or wait for their turn.
    pub calls: usize,
    /// Without a connection: replies of which it is not known whether their client has them, and that it may still come for.
    pub replies: usize,
    /// Its connection was lost just now: the client may bring something on the next one that this server does not know of.
    pub returning: bool,
}

impl Outstanding {
    /// Nobody has to wait for this session.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Session {
    /// Tells the client, on connections that come later too, that this server is about to go. Requests are still answered;
    /// the client leaves when it has no more calls here. From now on a silent client is probed as if somebody waited for it.
    pub fn drain(&mut self, now: Instant, reason: &str) {
        for open in self.lanes.iter_mut().flatten().filter(|open| !open.ending) {
            GoAway { reason: reason.to_owned() }.write(open.outgoing.ready());
            open.liveness.waiting_since(now);
        }
        self.going = Some(reason.into());
        if mutant!(DrainRefusesRunning) {
            self.withdraw_running();
        }
    }

    /// What no server may do.
    fn withdraw_running(&mut self) {
        for index in 0..self.slots.len() {
            let at = crate::ids::SlotId { slot: index as u32, sequence: self.slots[index].last };
            if matches!(&self.slots[index].state, SlotState::Running(running) if !running.idempotent) {
                self.withdraw(at, crate::Code::Unavailable, "the server is going away");
            }
        }
    }

    /// What a server that is about to go has to wait for here. An attached client says itself when it needs nothing more, by
    /// closing; without a connection it is known only what it may come back for.
    pub fn outstanding(&self, now: Instant) -> Outstanding {
        if mutant!(LeavesTooSoon) {
            return Outstanding::default();
        }
        let waits = |state: &SlotState| matches!(state, SlotState::Queued(_) | SlotState::Running(_));
        let calls = self.slots.iter().filter(|slot| waits(&slot.state)).count();
        match self.lease {
            Lease::Over => Outstanding::default(),
            Lease::Held => Outstanding { attached: true, calls, ..Outstanding::default() },
            Lease::Running { .. } => {
                let kept = |state: &SlotState| matches!(state, SlotState::Done(recorded) if recorded.answer != Answer::Executed);
                let replies = match now < self.wanted + ASKS {
                    true => self.slots.iter().filter(|slot| kept(&slot.state)).count(),
                    false => 0,
                };
                Outstanding { attached: false, calls, replies, returning: now < self.left + COMES_BACK }
            }
        }
    }
}
