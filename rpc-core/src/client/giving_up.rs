//! Calls that end without an answer: their time is up, nobody waits for them, or they cannot be sent at all.

use super::calls::Removed;
use super::link::Link;
use super::session::CURRENT;
use super::slots::{Copy, SlotState};
use super::{CallKey, Client, Output};
use crate::connection::Begun;
use crate::error::{Attempts, BindError, Code, Error, Execution};
use crate::ids::SlotId;
use crate::time::Instant;
use std::sync::Arc;

impl Client {
    /// The caller does not want the call any more. No [`Output::Ended`] comes for it.
    pub fn give_up(&mut self, now: Instant, key: CallKey) {
        let Some(call) = self.calls.remove(key) else { return drop(self.calls.take(key)) };
        self.calls.release(key);
        if let Some((session, id)) = call.sent {
            self.abandon(now, session, id, &call, call.named);
        }
        self.tidy(now);
    }

    /// Why there is no connection, as far as that is known.
    fn why_unconnected(&self) -> Option<Arc<BindError>> {
        match &self.sessions[CURRENT].link {
            Link::Down(pace) | Link::Dialling(_, pace) => pace.last.clone(),
            Link::Greeting(open) | Link::Ready(open) => {
                open.pace.last.clone().filter(|_| open.identity.is_none())
            }
        }
    }

    /// The call does not wait for a connection, and there is none. One is made all the same, for the calls that come later.
    #[cold]
    pub(super) fn end_hurried(&mut self, now: Instant, key: CallKey) {
        let why = self.why_unconnected();
        self.asked_for = true;
        self.want_connection(now);
        let Some(source) = why else {
            return self.end_not_sent(
                key,
                "no connection is ready, and the call does not wait for one",
                Code::Unavailable,
            );
        };
        let Some(mut call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let attempts = call.attempts(now, &"no server".into(), "not sent again");
        let error = Error::Unavailable { method, source, attempts };
        self.fail(key, error);
    }

    /// Ends the calls that wait and do not wait for a connection, if there is none any more.
    pub(super) fn end_all_hurried(&mut self, now: Instant) {
        if !self.hurried || self.sessions[CURRENT].ready().is_some() {
            return;
        }
        self.hurried = false;
        for key in self.waiting.clone() {
            if self.calls.get(key).is_some_and(|call| call.is_hurried()) {
                self.end_hurried(now, key);
            }
        }
        self.drop_stale_waiters();
    }

    /// The call's time is up.
    pub(super) fn expire(&mut self, now: Instant, key: CallKey) {
        let last = self.why_unconnected();
        let Some(mut call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let (mut address, mut request_id, mut written) = (None, None, false);
        if let Some((session, id)) = call.sent {
            request_id = self.request_id(session, id);
            address = self.numbered(session).map(|at| self.sessions[at].server());
            written = self.abandon(now, session, id, &call, true);
        }
        let attempts = match &address {
            Some(address) => call.attempts(now, address, "no answer"),
            None => call.attempts(now, &"no server".into(), "not sent again"),
        };
        let error = match last {
            // It has waited for a connection in vain: why there is none helps more than how long it waited.
            Some(source) if call.sent.is_none() && !call.in_doubt => {
                Error::Unavailable { method, source, attempts: Attempts::default() }
            }
            _ => Error::DeadlineExceeded {
                method,
                address,
                after: call.timeout,
                execution: call.execution(written),
                request_id,
                attempts: Attempts::default(),
            },
        };
        let error = error.with_attempts(attempts);
        self.fail(key, error);
    }

    /// Leaves the slot of a call that nobody waits for any more. Whether the server may have all of its request. `told`: the
    /// caller hears of it, and may ask for the outcome later.
    fn abandon(&mut self, now: Instant, session: u32, id: SlotId, call: &Removed, told: bool) -> bool {
        let idempotent = self.is_idempotent(call.binding, call.method);
        let Some(at) = self.numbered(session) else { return true };
        let session = &mut self.sessions[at];
        let request_id = session.request_id(id);
        let Some(slot) = session.slots.current(id) else { return true };
        let (stray, fenced) = (slot.stray, matches!(slot.state, SlotState::Fencing(_)));
        let mut begun = if slot.copy == Copy::None { Begun::NotAtAll } else { Begun::Gone };
        if let Link::Ready(open) = &mut session.link {
            open.gathering.remove(id);
            begun = match slot.copy {
                Copy::Large => open.outgoing.remove_large(id),
                Copy::Frame { position, .. } if open.outgoing.withdraw(position) => Begun::NotAtAll,
                _ => begun,
            };
        }
        if begun == Begun::NotAtAll {
            slot.copy = Copy::None;
        }
        if begun == Begun::NotAtAll && !stray {
            session.slots.release(now, id.slot);
            self.send_waiting(now);
            return false;
        }
        // Of a request in parts the server runs nothing before it has the last one, which is not written any more.
        let written = stray || begun == Begun::Gone;
        if idempotent {
            // A hint to stop; nobody waits for the answer.
            self.write_fence(at, id);
            self.sessions[at].slots.release(now, id.slot);
            self.send_waiting(now);
            return written;
        }
        slot.state = SlotState::Quarantined(call.binding, call.method);
        if let Some(request_id) = request_id.filter(|_| written && told) {
            self.remember(now, request_id);
        }
        if !fenced {
            self.write_fence(at, id);
        }
        if mutant!(NoQuarantine) {
            self.sessions[at].slots.release(now, id.slot);
            self.send_waiting(now);
        }
        written
    }

    pub(super) fn end(&mut self, key: CallKey, error: Error) {
        if self.calls.remove(key).is_some() {
            self.fail(key, error);
        }
    }

    /// A call that was removed has ended like this.
    pub(super) fn fail(&mut self, key: CallKey, error: Error) {
        self.stats.unknown += u64::from(error.execution() == Execution::Unknown);
        self.calls.fail(key, error);
        self.outputs.push_back(Output::Ended(key));
    }

    /// The server that is there does not take the call, which says nothing about the one before.
    #[cold]
    pub(super) fn end_unfit(&mut self, key: CallKey, error: Error) {
        let Some(call) = self.calls.remove(key) else { return };
        let error = match call.in_doubt {
            true => in_doubt(error.method(), self.sessions[CURRENT].link.address().into()),
            false => error,
        };
        self.fail(key, error.with_attempts(call.trail));
    }

    pub(super) fn end_not_sent(&mut self, key: CallKey, why: &str, code: Code) {
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let error = match call.in_doubt {
            true => in_doubt(method, "the server before".into()),
            false => Error::NotSent { method, why: why.to_owned(), code },
        };
        self.fail(key, error.with_attempts(call.trail));
    }

    #[cold]
    pub(super) fn end_too_large(
        &mut self,
        key: CallKey,
        what: &'static str,
        size: usize,
        limit: usize,
        whose: &'static str,
    ) {
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let (execution, attempts) = (call.execution(false), call.trail);
        let error =
            Error::TooLarge { method, what, size, limit, whose, execution, request_id: None, attempts };
        self.fail(key, error);
    }

    /// All calls that wait cannot be served by any server that would be dialled now.
    pub(super) fn end_waiting(&mut self, why: &Arc<BindError>) {
        while let Some(key) = self.waiting.pop_front() {
            let Some(call) = self.calls.remove(key) else { continue };
            let method = self.method_name(call.binding, call.method);
            let error = match call.in_doubt {
                true => in_doubt(method, why.to_string().into()),
                false => Error::Unavailable { method, source: why.clone(), attempts: Attempts::default() },
            };
            self.fail(key, error.with_attempts(call.trail));
        }
    }
}

fn in_doubt(method: &'static str, address: Arc<str>) -> Error {
    Error::InDoubt { method, address, request_id: None, attempts: Attempts::default() }
}
