//! The calls that have not ended, in a slab.

use super::{BindingId, CallKey, NewCall};
use crate::error::{Attempt, Attempts, Error, Execution};
use crate::ids::{RequestId, SlotId};
use crate::metadata::Metadata;
use crate::schema::Evolution;
use crate::service::{Parts, Payload, Verdict};
use crate::time::Instant;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// ```text
///            a slot and a connection are there              answer, deadline             its end is taken
///  Waiting -------------------------------------> Sent -------------------------> Ended -----------------> Vacant
///   ^   ^                                         | |
///   |   |    its request was never written, or it | | the server has not executed it,
///   |   |    is idempotent and its session is gone| | and says so
///   |   +-----------------------------------------+ v
///   +---------- the delay is over ------------- Resting
/// ```
/// `Sent` lasts while connections come and go, and with them copies of the request. Calls end from `Waiting` and `Resting` too, and
/// one that is given up is `Vacant` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallState {
    Vacant,
    Waiting,
    /// Until its next attempt.
    Resting,
    /// The session's number in this channel, and the slot there.
    Sent(u32, SlotId),
    /// How, stands in the call until it is taken.
    Ended,
}

pub(super) struct Call {
    generation: u32,
    pub(super) state: CallState,
    pub(super) binding: BindingId,
    pub(super) method: u16,
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    pub(super) metadata: Option<Box<Metadata>>,
    pub(super) payload: Parts,
    /// It does not wait for a connection.
    pub(super) fail_fast: bool,
    /// Its method's place in the table of the session that it was sent in.
    pub(super) wire_method: u16,
    /// Times that it was given a request id under which something was written.
    pub(super) attempts: u8,
    /// An earlier id of this call may have been executed, so it can no longer end as not executed.
    pub(super) in_doubt: bool,
    /// Somebody has asked for its request id, and may ask what became of it.
    pub(super) named: bool,
    /// When a server that has refused a copy of the present number, but not all of them, wants to be asked again.
    pub(super) asked: Option<Duration>,
    /// Attempts that have ended, and what became of them. Most calls have none.
    pub(super) trail: Attempts,
    /// Of a call that has ended without a result: why. Its payload is the result of any other, and the rest stands here.
    error: Option<Box<Error>>,
    verdict: Verdict,
    request_id: Option<RequestId>,
    evolution: Option<Arc<Evolution>>,
}

/// A result, but for what it has in common with all others of its method.
pub(super) struct Answered {
    pub(super) binding: BindingId,
    pub(super) method: u16,
    pub(super) verdict: Verdict,
    pub(super) payload: Payload,
    pub(super) request_id: Option<RequestId>,
    pub(super) evolution: Option<Arc<Evolution>>,
}

#[derive(Default)]
pub(super) struct Calls {
    all: Vec<Call>,
    free: Vec<u32>,
    /// No call ends before this. Kept low instead of exact: a timer that fires too early costs one scan.
    next_deadline: Option<Instant>,
}

impl Calls {
    #[inline]
    pub(super) fn insert(&mut self, call: NewCall, block: Option<Box<Bytes>>) -> CallKey {
        self.next_deadline = Some(self.next_deadline.map_or(call.deadline, |next| next.min(call.deadline)));
        if let Some(index) = self.free.pop()
            && let Some(place) = self.all.get_mut(index as usize)
        {
            place.renew(call, block);
            return CallKey { index, generation: place.generation };
        }
        self.all.push(Call::new(call, block));
        CallKey { index: self.all.len() as u32 - 1, generation: 0 }
    }

    #[inline]
    pub(super) fn get(&mut self, key: CallKey) -> Option<&mut Call> {
        self.all
            .get_mut(key.index as usize)
            .filter(|call| call.generation == key.generation && call.is_live())
    }

    pub(super) fn peek(&self, key: CallKey) -> Option<&Call> {
        let call = self.all.get(key.index as usize)?;
        (call.generation == key.generation && call.is_live()).then_some(call)
    }

    /// Takes a call out that has not ended. Its index is used again when it is released, or its end was taken.
    #[inline]
    pub(super) fn remove(&mut self, key: CallKey) -> Option<Removed> {
        let call = self.get(key)?;
        let removed = Removed {
            binding: call.binding,
            method: call.method,
            timeout: call.timeout,
            in_doubt: call.in_doubt,
            named: call.named,
            sent: if let CallState::Sent(session, at) = call.state { Some((session, at)) } else { None },
            trail: std::mem::take(&mut call.trail),
            started: call.started(),
        };
        call.state = CallState::Vacant;
        (call.metadata, call.payload) = (None, Parts::default());
        Some(removed)
    }

    /// Lets another call have the index of one that was removed.
    #[inline]
    pub(super) fn release(&mut self, key: CallKey) {
        self.free.push(key.index);
    }

    /// A call that was removed has ended like this.
    pub(super) fn fail(&mut self, key: CallKey, error: Error) {
        if let Some(call) =
            self.all.get_mut(key.index as usize).filter(|call| call.state == CallState::Vacant)
        {
            call.state = CallState::Ended;
            call.error = Some(Box::new(error));
        }
    }

    /// Whether a call has ended, and nobody has taken how.
    #[inline]
    pub(super) fn has_ended(&self, key: CallKey) -> bool {
        let call = self.all.get(key.index as usize);
        call.is_some_and(|call| call.generation == key.generation && call.state == CallState::Ended)
    }

    /// How the call has ended, once: its index is free for another then. Field by field, for what is moved as a whole is copied
    /// time and again on its way.
    #[inline]
    pub(super) fn take(&mut self, key: CallKey) -> Option<Result<Answered, Box<Error>>> {
        if !self.has_ended(key) {
            return None;
        }
        let call = self.all.get_mut(key.index as usize)?;
        call.state = CallState::Vacant;
        self.free.push(key.index);
        if let Some(error) = call.error.take() {
            return Some(Err(error));
        }
        Some(Ok(Answered {
            binding: call.binding,
            method: call.method,
            verdict: call.verdict,
            payload: std::mem::take(&mut call.payload.head),
            request_id: call.request_id,
            evolution: call.evolution.take(),
        }))
    }

    /// Calls that have not ended, and those whose end nobody has taken.
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }

    #[inline]
    pub(super) fn next_deadline(&self) -> Instant {
        self.next_deadline.unwrap_or(Instant::NEVER)
    }

    /// The calls whose time is up. Finds the next deadline on the way.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<CallKey> {
        let mut expired = Vec::new();
        let mut next: Option<Instant> = None;
        for (index, call) in self.all.iter().enumerate() {
            match call.state {
                CallState::Vacant | CallState::Ended => {}
                CallState::Resting if mutant!(RetriesPastDeadline) => {}
                _ if call.deadline <= now => {
                    expired.push(CallKey { index: index as u32, generation: call.generation });
                }
                _ => next = Some(next.map_or(call.deadline, |next| next.min(call.deadline))),
            }
        }
        self.next_deadline = next;
        expired
    }
}

/// What is left of a call that has ended.
pub(super) struct Removed {
    pub(super) binding: BindingId,
    pub(super) method: u16,
    pub(super) timeout: Duration,
    pub(super) in_doubt: bool,
    pub(super) named: bool,
    pub(super) sent: Option<(u32, SlotId)>,
    pub(super) trail: Attempts,
    started: Instant,
}

impl Removed {
    /// What is known of a call that has no answer. `written`: its present request may have been written.
    pub(super) fn execution(&self, written: bool) -> Execution {
        if written || (self.in_doubt && !mutant!(LastVerdictCounts)) {
            Execution::Unknown
        } else {
            Execution::NotExecuted
        }
    }

    /// What came of the last attempt, if there were others before it; the error itself says it, too.
    pub(super) fn attempts(&mut self, now: Instant, address: &Arc<str>, what: &str) -> Attempts {
        let mut all = std::mem::take(&mut self.trail);
        if all.total() > 0 {
            all.push(Attempt { address: address.clone(), what: what.to_owned(), after: now - self.started });
        }
        all
    }
}

impl Call {
    /// It ends if there is no connection: nothing of it is on its way.
    pub(super) fn is_hurried(&self) -> bool {
        self.fail_fast && !self.in_doubt && self.state == CallState::Waiting
    }

    fn new(call: NewCall, block: Option<Box<Bytes>>) -> Self {
        Self {
            generation: 0,
            state: CallState::Waiting,
            binding: call.binding,
            method: call.method,
            deadline: call.deadline,
            timeout: call.timeout,
            metadata: call.metadata,
            payload: Parts::new(call.payload, block),
            fail_fast: call.fail_fast,
            wire_method: 0,
            attempts: 0,
            in_doubt: false,
            named: false,
            asked: None,
            trail: Attempts::default(),
            error: None,
            verdict: Verdict::Ok,
            request_id: None,
            evolution: None,
        }
    }

    #[inline]
    fn is_live(&self) -> bool {
        !matches!(self.state, CallState::Vacant | CallState::Ended)
    }

    /// Its payload is its result now, for whoever takes it.
    #[inline]
    pub(super) fn answer(
        &mut self,
        verdict: Verdict,
        request_id: Option<RequestId>,
        evolution: Option<Arc<Evolution>>,
    ) {
        self.state = CallState::Ended;
        self.metadata = None;
        (self.verdict, self.request_id, self.evolution) = (verdict, request_id, evolution);
    }

    /// The place of a call that has ended takes another: field by field where it lies, for a call that is moved as a whole
    /// costs more than all else that is done here.
    #[inline]
    fn renew(&mut self, call: NewCall, block: Option<Box<Bytes>>) {
        self.generation = self.generation.wrapping_add(1);
        self.state = CallState::Waiting;
        (self.binding, self.method) = (call.binding, call.method);
        (self.deadline, self.timeout) = (call.deadline, call.timeout);
        self.metadata = call.metadata;
        self.payload.renew(call.payload, block);
        self.fail_fast = call.fail_fast;
        (self.wire_method, self.attempts) = (0, 0);
        (self.in_doubt, self.named) = (false, false);
        self.asked = None;
        self.trail = Attempts::default();
    }

    fn started(&self) -> Instant {
        let timeout = u64::try_from(self.timeout.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.deadline.0.saturating_sub(timeout))
    }

    /// An attempt has come to nothing.
    #[cold]
    pub(super) fn failed(&mut self, now: Instant, address: Arc<str>, what: String) {
        let after = now - self.started();
        self.trail.push(Attempt { address, what, after });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn call() -> NewCall {
        let (deadline, timeout) = (Instant(9), Duration::from_nanos(9));
        let (binding, metadata, payload) = (BindingId(0), None, Vec::new());
        NewCall { binding, method: 0, deadline, timeout, metadata, payload, fail_fast: false }
    }

    #[test]
    fn an_index_is_used_again_only_when_the_end_was_taken() {
        let mut calls = Calls::default();
        let first = calls.insert(call(), None);
        assert!(calls.take(first).is_none());
        assert!(calls.remove(first).is_some());
        calls.fail(first, Error::NotSent { method: "", why: "why".to_owned(), code: Code::Cancelled });
        assert!(calls.get(first).is_none() && calls.has_ended(first));
        let second = calls.insert(call(), None);
        assert_ne!(first.index, second.index);
        assert!(matches!(calls.take(first), Some(Err(_))));
        assert!(calls.take(first).is_none());
        let third = calls.insert(call(), None);
        assert_eq!((third.index, third.generation), (first.index, first.generation + 1));
        assert!(calls.get(first).is_none());
    }
}
