//! The calls that have not ended, in a slab.

use super::{BindingId, CallKey, NewCall};
use crate::error::{Attempt, Attempts, Execution};
use crate::ids::SlotId;
use crate::metadata::Metadata;
use crate::service::Parts;
use crate::time::Instant;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// ```text
///            a slot and a connection are there              answer, deadline
///  Waiting -------------------------------------> Sent -------------------------> ended
///   ^   ^                                         | |
///   |   |    its request was never written, or it | | the server has not executed it,
///   |   |    is idempotent and its session is gone| | and says so
///   |   +-----------------------------------------+ v
///   +---------- the delay is over ------------- Resting
/// ```
/// `Sent` lasts while connections come and go, and with them copies of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallState {
    Vacant,
    Waiting,
    /// Until its next attempt.
    Resting,
    /// The session's number in this channel, and the slot there.
    Sent(u32, SlotId),
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
        let generation;
        let index = match self.free.pop() {
            Some(index) => {
                generation = self.all[index as usize].generation.wrapping_add(1);
                self.all[index as usize] = Call::new(generation, call, block);
                index
            }
            None => {
                generation = 0;
                self.all.push(Call::new(generation, call, block));
                self.all.len() as u32 - 1
            }
        };
        CallKey { index, generation }
    }

    #[inline]
    pub(super) fn get(&mut self, key: CallKey) -> Option<&mut Call> {
        self.all
            .get_mut(key.index as usize)
            .filter(|call| call.generation == key.generation && call.state != CallState::Vacant)
    }

    pub(super) fn peek(&self, key: CallKey) -> Option<&Call> {
        let call = self.all.get(key.index as usize)?;
        (call.generation == key.generation && call.state != CallState::Vacant).then_some(call)
    }

    /// Takes a call out: what is left of it is its payload's buffer.
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
            payload: std::mem::take(&mut call.payload),
            trail: std::mem::take(&mut call.trail),
            started: call.started(),
        };
        call.state = CallState::Vacant;
        call.metadata = None;
        Some(removed)
    }

    /// Lets another call have the index of one that was removed: only when the driver has heard of its end, for it
    /// finds the call's future by that index.
    #[inline]
    pub(super) fn release(&mut self, key: CallKey) {
        self.free.push(key.index);
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
                CallState::Vacant => {}
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
    pub(super) payload: Parts,
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

    #[inline]
    fn new(generation: u32, call: NewCall, block: Option<Box<Bytes>>) -> Self {
        Self {
            generation,
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
        }
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

    fn call() -> NewCall {
        let (deadline, timeout) = (Instant(9), Duration::from_nanos(9));
        let (binding, metadata, payload) = (BindingId(0), None, Vec::new());
        NewCall { binding, method: 0, deadline, timeout, metadata, payload, fail_fast: false }
    }

    #[test]
    fn an_index_is_used_again_only_when_the_driver_has_heard_of_the_end() {
        let mut calls = Calls::default();
        let first = calls.insert(call(), None);
        assert!(calls.remove(first).is_some());
        let second = calls.insert(call(), None);
        assert_ne!(first.index, second.index);
        calls.release(first);
        let third = calls.insert(call(), None);
        assert_eq!((third.index, third.generation), (first.index, first.generation + 1));
        assert!(calls.get(first).is_none());
    }
}
