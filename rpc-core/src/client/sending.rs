//! From a call to a frame: starting, waiting, writing, giving up.

use super::calls::{CallState, Removed};
use super::link::{Link, Open};
use super::slots::SlotState;
use super::{CallKey, Client, ConnectionId, NewCall, Output};
use crate::connection::Begun;
use crate::error::{Attempts, BindError, Code, Error};
use crate::frame::{Cancel, EncodedMetadata, Request};
use crate::ids::{RequestId, SlotId};
use crate::limits::{CHUNK_LEN, METADATA_MAX};
use crate::service::Payload;
use crate::time::Instant;
use std::sync::Arc;

impl Client {
    /// Starts a call. It ends with [`Output::Ended`], at once if it cannot be sent.
    pub fn start(&mut self, now: Instant, call: NewCall) -> CallKey {
        self.stats.calls += 1;
        let refusal = self.refusal(&call);
        let metadata_max = self.config.limits.metadata_max.min(METADATA_MAX);
        let (deadline, metadata_len) = (call.deadline, call.metadata.as_ref().map_or(0, |m| m.encoded_len()));
        let key = self.calls.insert(call);
        if let Some(error) = refusal {
            self.end(key, Err(error));
        } else if metadata_len > metadata_max {
            let whose = if metadata_max < METADATA_MAX { "this client's" } else { "the protocol's" };
            self.end_too_large(key, "metadata", metadata_len, metadata_max, whose);
        } else if deadline <= now {
            self.expire(now, key);
        } else if !self.waiting.is_empty() || !self.send(now, key) {
            self.wait(now, key);
        }
        key
    }

    /// What stands against a call before it was given anything.
    #[inline]
    fn refusal(&self, call: &NewCall) -> Option<Error> {
        if self.closed {
            return Some(self.not_sent(call, "the channel is closed", Code::Cancelled));
        }
        let Some(binding) = self.bindings.get(usize::from(call.binding.0)) else {
            return Some(self.not_sent(call, "there is no such binding", Code::FailedPrecondition));
        };
        match &self.link {
            Link::Ready(open) if !open.draining => binding.check(call.method, &open.address).err(),
            // What a server said that is gone or about to go stands against no call: the next one may take it.
            _ => None,
        }
    }

    #[cold]
    fn not_sent(&self, call: &NewCall, why: &str, code: Code) -> Error {
        let method = self.method_name(call.binding, call.method);
        Error::NotSent { method, why: why.to_owned(), code }
    }

    fn wait(&mut self, now: Instant, key: CallKey) {
        if self.calls.get(key).is_none_or(|call| call.state != CallState::Waiting) {
            return; // it has ended in the attempt to send it
        }
        if self.waiting.len() >= self.config.limits.waiting_max {
            self.drop_stale_waiters();
            if self.waiting.len() >= self.config.limits.waiting_max {
                self.end_not_sent(
                    key,
                    "too many calls wait for a connection already",
                    Code::ResourceExhausted,
                );
                return;
            }
        }
        if let Some(call) = self.calls.get(key)
            && let Some(binding) = self.bindings.get_mut(usize::from(call.binding.0))
        {
            binding.hold();
        }
        self.waiting.push_back(key);
        self.want_connection(now);
    }

    pub(super) fn drop_stale_waiters(&mut self) {
        let calls = &mut self.calls;
        self.waiting.retain(|key| calls.get(*key).is_some_and(|call| call.state == CallState::Waiting));
    }

    /// Sends the calls that wait, in their order, as far as slots and the socket allow.
    pub(super) fn send_waiting(&mut self, now: Instant) {
        while let Some(key) = self.waiting.front().copied() {
            let call = self.calls.get(key).filter(|call| call.state == CallState::Waiting);
            match call.map(|call| call.deadline <= now) {
                None => {}
                // The timer will say so too, but a slot that another call leaves at the same time must not take it.
                Some(true) => self.expire(now, key),
                Some(false) if self.send(now, key) => {}
                Some(false) => return,
            }
            self.waiting.pop_front();
        }
    }

    /// Writes a call's request, if a connection and a slot are there. `false`: it has to wait.
    #[inline]
    fn send(&mut self, now: Instant, key: CallKey) -> bool {
        let (outgoing_max, coding) = (self.config.limits.outgoing_max, self.coding());
        let Some(open) = self.link.ready() else { return false };
        if open.outgoing.backlog() >= outgoing_max {
            return false;
        }
        let Some(call) = self.calls.get(key) else { return true };
        let size = call.payload.as_slice().len();
        let most = open.message_max.min(self.config.limits.message_max);
        if size > most {
            let whose = if most == self.config.limits.message_max { "this client's" } else { "the server's" };
            self.end_too_large(key, "request", size, most, whose);
            return true;
        }
        let binding = &self.bindings[usize::from(call.binding.0)];
        if !binding.is_agreed() {
            return self.ask_for(now, key);
        }
        // Before a look at the arguments, which may be long: a call that has to wait is tried again and again.
        if !self.slots.has_free() {
            return false;
        }
        if let Err(error) = binding.admit(call.method, &open.address, call.payload.as_slice(), coding) {
            self.end_unfit(key, error);
            return true;
        }
        let idempotent = binding.service.methods[usize::from(call.method)].idempotent;
        let Some(id) = self.slots.take(key, !idempotent) else { return false };
        call.state = CallState::Sent(id);
        call.attempts += 1;
        let metadata = call.metadata.as_deref().and_then(EncodedMetadata::new);
        let request = Request {
            id,
            method: binding.base + call.method,
            deadline: open.time.to_wire(call.deadline),
            resent: call.in_doubt,
            idempotent,
            metadata: metadata.as_ref().map(EncodedMetadata::as_ref),
            total: (size > CHUNK_LEN).then_some(size as u32),
            payload: call.payload.as_slice(),
        };
        let position = open.outgoing.position();
        let mut end = None;
        if size <= CHUNK_LEN {
            let checksum = open.outgoing.checksum();
            request.write(open.outgoing.ready(), checksum);
            end = Some(open.outgoing.position());
        } else {
            let mut head = Vec::new();
            request.begin(&mut head);
            let payload = call.payload.share();
            open.outgoing.push_large(id, head, Some(call.deadline), payload);
        }
        if self.slots.in_use() == 1 {
            open.liveness.waiting_since(now);
        }
        if let Some(slot) = self.slots.get_mut(id.slot) {
            (slot.position, slot.end) = (position, end);
        }
        true
    }

    /// The server has not agreed to the call's service yet. `true`: it never will, and the call has ended.
    #[cold]
    fn ask_for(&mut self, now: Instant, key: CallKey) -> bool {
        let Some(call) = self.calls.get(key) else { return true };
        let (binding, method) = (call.binding, call.method);
        self.ask(now, binding);
        // That the table of methods is full is known without an answer.
        match self.bindings[usize::from(binding.0)].check(method, self.link.address()) {
            Ok(()) => false,
            Err(error) => {
                self.end_unfit(key, error);
                true
            }
        }
    }

    /// The caller does not want the call any more. No [`Output::Ended`] comes for it.
    pub fn give_up(&mut self, now: Instant, key: CallKey) {
        let Some(call) = self.calls.remove(key) else { return };
        self.calls.release(key);
        if let Some(id) = call.sent {
            self.abandon(now, id, &call);
        }
        self.settle_drain(now);
    }

    /// The call's time is up.
    pub(super) fn expire(&mut self, now: Instant, key: CallKey) {
        let last = match &self.link {
            Link::Down(pace) | Link::Dialling(_, pace) => pace.last.clone(),
            Link::Greeting(open) | Link::Ready(open) => {
                open.pace.last.clone().filter(|_| open.session.is_none())
            }
        };
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let written = call.sent.is_some_and(|id| self.abandon(now, id, &call));
        let error = match last {
            // It has waited for a connection in vain: why there is none helps more than how long it waited.
            Some(source) if call.sent.is_none() && !call.in_doubt => {
                Error::Unavailable { method, source, attempts: Attempts::default() }
            }
            _ => Error::DeadlineExceeded {
                method,
                address: call.sent.map(|_| self.link.address().into()),
                after: call.timeout,
                execution: call.execution(written),
                request_id: call.sent.and_then(|id| self.request_id(id)),
                attempts: Attempts::default(),
            },
        };
        self.outputs.push_back(Output::Ended(key, Err(error)));
    }

    /// Leaves the slot of a call that nobody waits for any more. Whether the server may have all of its request.
    fn abandon(&mut self, now: Instant, id: SlotId, call: &Removed) -> bool {
        let idempotent = self.is_idempotent(call.binding, call.method);
        let Some(open) = self.link.open_mut() else { return true };
        open.gathering.remove(id);
        let position = self.slots.current(id).map_or(0, |slot| slot.position);
        let begun = match call.payload.as_slice().len() > CHUNK_LEN {
            true => open.outgoing.remove_large(id),
            false if open.outgoing.withdraw(position) => Begun::NotAtAll,
            false => Begun::Gone,
        };
        if begun == Begun::NotAtAll {
            self.slots.release(now, id.slot);
            self.send_waiting(now);
            return false;
        }
        // The fence: if the server has not started the call, it promises that it never will. For an idempotent one it is
        // only a hint to stop, and nobody waits for the answer.
        Cancel { id, want_reply: false }.write(open.outgoing.ready());
        if idempotent {
            self.slots.release(now, id.slot);
            self.send_waiting(now);
        } else if let Some(slot) = self.slots.get_mut(id.slot) {
            slot.state = SlotState::Quarantined { again: Instant::NEVER };
        }
        // Of a request in parts the server runs nothing before it has the last one, which is not written any more.
        begun == Begun::Gone
    }

    pub(super) fn is_idempotent(&self, binding: super::BindingId, method: u16) -> bool {
        let service = self.bindings.get(usize::from(binding.0)).map(|binding| binding.service);
        service
            .and_then(|service| service.methods.get(usize::from(method)))
            .is_some_and(|method| method.idempotent)
    }

    pub(super) fn method_name(&self, binding: super::BindingId, method: u16) -> &'static str {
        let service = self.bindings.get(usize::from(binding.0)).map(|binding| binding.service);
        service.and_then(|service| service.methods.get(usize::from(method))).map_or("", |method| method.path)
    }

    /// The number of a call that has not ended, once it has one.
    pub fn request_id_of(&mut self, key: CallKey) -> Option<RequestId> {
        let CallState::Sent(at) = self.calls.get(key)?.state else { return None };
        self.request_id(at)
    }

    pub(super) fn request_id(&self, at: SlotId) -> Option<RequestId> {
        let session = self.link.open()?.session?;
        Some(RequestId { session, at })
    }

    pub(super) fn end(&mut self, key: CallKey, result: Result<crate::service::Reply, Error>) {
        if self.calls.remove(key).is_some() {
            self.outputs.push_back(Output::Ended(key, result));
        }
    }

    /// The server that is there does not take the call, which says nothing about the one before.
    #[cold]
    fn end_unfit(&mut self, key: CallKey, error: Error) {
        let Some(call) = self.calls.remove(key) else { return };
        let error = match call.in_doubt {
            true => {
                let (method, address) = (error.method(), self.link.address().into());
                Error::InDoubt { method, address, request_id: None, attempts: Attempts::default() }
            }
            false => error,
        };
        self.outputs.push_back(Output::Ended(key, Err(error)));
    }

    pub(super) fn end_not_sent(&mut self, key: CallKey, why: &str, code: Code) {
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let error = match call.in_doubt {
            true => Error::InDoubt {
                method,
                address: "the server before".into(),
                request_id: None,
                attempts: Attempts::default(),
            },
            false => Error::NotSent { method, why: why.to_owned(), code },
        };
        self.outputs.push_back(Output::Ended(key, Err(error)));
    }

    #[cold]
    fn end_too_large(
        &mut self,
        key: CallKey,
        what: &'static str,
        size: usize,
        limit: usize,
        whose: &'static str,
    ) {
        let Some(call) = self.calls.remove(key) else { return };
        let (method, attempts) = (self.method_name(call.binding, call.method), Attempts::default());
        let execution = call.execution(false);
        let error =
            Error::TooLarge { method, what, size, limit, whose, execution, request_id: None, attempts };
        self.outputs.push_back(Output::Ended(key, Err(error)));
    }

    /// All calls that wait cannot be served by any server that would be dialled now.
    pub(super) fn end_waiting(&mut self, why: &Arc<BindError>) {
        while let Some(key) = self.waiting.pop_front() {
            let Some(call) = self.calls.remove(key) else { continue };
            let method = self.method_name(call.binding, call.method);
            let error = match call.in_doubt {
                true => Error::InDoubt {
                    method,
                    address: why.to_string().into(),
                    request_id: None,
                    attempts: Attempts::default(),
                },
                false => Error::Unavailable { method, source: why.clone(), attempts: Attempts::default() },
            };
            self.outputs.push_back(Output::Ended(key, Err(error)));
        }
    }

    /// Whether a request that was given to this slot may have reached the kernel.
    pub(super) fn was_written(open: &Open, id: SlotId, position: u64, payload: &Payload) -> bool {
        if payload.as_slice().len() > CHUNK_LEN {
            return !open.outgoing.is_untouched(id);
        }
        open.outgoing.has_taken(position)
    }

    pub(super) fn is_current(&self, connection: ConnectionId) -> bool {
        self.link.connection() == Some(connection)
    }
}
