//! Calls that were not executed: tried again where that may help, under a new number.

use super::calls::CallState;
use super::{CallKey, Client};
use crate::error::{Attempts, Code, Error, is_transient};
use crate::ids::RequestId;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// Why the present number of a call will never run.
pub(super) struct Refused {
    pub(super) address: Arc<str>,
    pub(super) code: Code,
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
    pub(super) request_id: Option<RequestId>,
}

impl Client {
    /// The present number of a call will never run, and its slot is free. The call is tried again later, or ends.
    #[cold]
    pub(super) fn not_executed(&mut self, now: Instant, key: CallKey, refused: Refused) {
        let Some(call) = self.calls.get(key) else { return };
        call.failed(now, refused.address.clone(), format!("refused: {}", refused.reason));
        let (deadline, attempts) = (call.deadline, call.attempts);
        if is_transient(refused.code, refused.retry_after)
            && let Some(again) = self.next_attempt(now, deadline, attempts, refused.retry_after)
            && let Some(call) = self.calls.get(key)
        {
            call.state = CallState::Resting;
            self.resting.insert((again, key));
            self.stats.retried += 1;
            return;
        }
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let Refused { address, code, reason, retry_after, request_id } = refused;
        let attempts = Attempts::default();
        let error = match call.in_doubt && !mutant!(LastVerdictCounts) {
            // An earlier number of the call may have run, so that this one did not says nothing.
            true => Error::InDoubt { method, address, request_id, attempts },
            false => Error::Refused { method, address, code, reason, retry_after, request_id, attempts },
        };
        self.fail(key, error.with_attempts(call.trail));
    }

    /// When a call is to be tried again: not before the server has asked for it, never behind the deadline, and not at all
    /// beyond the attempts of one call or the budget of all.
    fn next_attempt(
        &mut self,
        now: Instant,
        deadline: Instant,
        attempts: u8,
        retry_after: Option<Duration>,
    ) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let asked = retry_after.unwrap_or_default();
        let asked = if mutant!(RetriesAtOnce) { Duration::ZERO } else { asked };
        let again = self.config.retry.again(now, attempts, asked, deadline, &mut self.jitter)?;
        (mutant!(RetriesUncharged) || self.budget.retry(now)).then_some(again)
    }

    /// Whether a call with so many attempts may have another one at once. If so, it is charged.
    pub(super) fn may_retry(&mut self, now: Instant, attempts: u8) -> bool {
        attempts < self.config.retry.attempts && (mutant!(RetriesUncharged) || self.budget.retry(now))
    }

    /// Calls whose delay is over are sent like new ones.
    pub(super) fn wake_resting(&mut self, now: Instant) {
        while let Some((_, key)) = self.resting.first().copied().filter(|(again, _)| *again <= now) {
            self.resting.pop_first();
            if let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Resting) {
                call.state = CallState::Waiting;
                self.send_or_wait(now, key);
            }
        }
    }
}
