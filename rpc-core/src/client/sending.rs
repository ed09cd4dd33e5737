//! From a call to a frame: starting, waiting, writing, and writing again when a session has been resumed.

use super::calls::{Call, CallState};
use super::link::{Link, Open};
use super::session::CURRENT;
use super::slots::{Copy, SlotState};
use super::{BindingId, CallKey, Client, NewCall};
use crate::error::{Code, Error};
use crate::frame::{Cancel, EncodedMetadata, Request};
use crate::ids::{RequestId, SlotId};
use crate::limits::{CHUNK_LEN, METADATA_MAX};
use crate::time::Instant;
use bytes::Bytes;

impl Client {
    /// Starts a call. It ends with [`Output::Ended`](super::Output::Ended), at once if it cannot be sent.
    pub fn start(&mut self, now: Instant, call: NewCall) -> CallKey {
        self.start_with(now, call, None)
    }

    /// The same for arguments whose last one is a block of bytes that is not copied: `call` has what stands before it.
    pub fn start_with(&mut self, now: Instant, mut call: NewCall, block: Option<Box<Bytes>>) -> CallKey {
        self.stats.calls += 1;
        call.fail_fast |= self.config.fail_fast;
        self.budget.call(now);
        let refusal = self.refusal(&call);
        let metadata_max = self.config.limits.metadata_max.min(METADATA_MAX);
        let (deadline, metadata_len) = (call.deadline, call.metadata.as_ref().map_or(0, |m| m.encoded_len()));
        let key = self.calls.insert(call, block);
        if let Some(error) = refusal {
            self.end(key, error);
        } else if metadata_len > metadata_max {
            let whose = if metadata_max < METADATA_MAX { "this client's" } else { "the protocol's" };
            self.end_too_large(key, "metadata", metadata_len, metadata_max, whose);
        } else if deadline <= now {
            self.expire(now, key);
        } else {
            self.send_or_wait(now, key);
        }
        key
    }

    #[inline]
    pub(super) fn send_or_wait(&mut self, now: Instant, key: CallKey) {
        if !self.waiting.is_empty() || !self.send(now, key) {
            self.wait(now, key);
        }
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
        match &self.sessions[CURRENT].link {
            Link::Ready(open) => binding.check(call.method, &open.address).err(),
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
        let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Waiting) else {
            return; // it has ended in the attempt to send it
        };
        if call.is_hurried() {
            if self.sessions[CURRENT].ready().is_none() {
                return self.end_hurried(now, key);
            }
            self.hurried = true;
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
        self.hold_binding_of(key);
        self.waiting.push_back(key);
        self.want_connection(now);
    }

    /// A call that waits for a connection needs its service there.
    pub(super) fn hold_binding_of(&mut self, key: CallKey) {
        if let Some(call) = self.calls.get(key)
            && let Some(binding) = self.bindings.get_mut(usize::from(call.binding.0))
        {
            binding.hold();
        }
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
        let session = &mut self.sessions[CURRENT];
        let Link::Ready(open) = &mut session.link else { return false };
        // Large messages are not counted: their bytes are here whether the call waits or its message does, and small ones go before
        // them.
        if open.outgoing.small_backlog() >= outgoing_max {
            return false;
        }
        let Some(call) = self.calls.get(key) else { return true };
        let size = call.payload.len();
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
        if !session.slots.has_free() {
            return false;
        }
        if let Err(error) = binding.admit(call.method, &open.address, &call.payload, coding) {
            self.end_unfit(key, error);
            return true;
        }
        let idempotent = binding.service.methods[usize::from(call.method)].idempotent;
        let Some(id) = session.slots.take(key, !idempotent) else { return false };
        call.state = CallState::Sent(session.number, id);
        call.attempts = call.attempts.saturating_add(1);
        call.wire_method = binding.base + call.method;
        let copy = write_copy(open, call, id, idempotent, call.in_doubt);
        if session.slots.in_use() == 1 {
            open.liveness.waiting_since(now);
        }
        if let Some(slot) = session.slots.get_mut(id.slot) {
            slot.copy = copy;
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
        match self.bindings[usize::from(binding.0)].check(method, self.sessions[CURRENT].link.address()) {
            Ok(()) => false,
            Err(error) => {
                self.end_unfit(key, error);
                true
            }
        }
    }

    /// The session has been resumed: what has no copy on its new connection is written there, requests of calls that wait
    /// and fences of all others.
    pub(super) fn write_again(&mut self, now: Instant, at: usize) {
        for (id, slot) in self.sessions[at].slots.used() {
            match slot.state {
                SlotState::Free => {}
                SlotState::Pending(_) if mutant!(RequestLostOnResume) => {}
                SlotState::Fencing(_) | SlotState::Quarantined(..) if mutant!(FenceLostOnResume) => {}
                SlotState::Pending(key) => self.write_request_again(at, id, key),
                SlotState::Fencing(_) | SlotState::Quarantined(..) => self.write_fence(at, id),
            }
        }
        if let Some(open) = self.sessions[at].ready() {
            open.liveness.waiting_since(now);
        }
    }

    fn write_request_again(&mut self, at: usize, id: SlotId, key: CallKey) {
        let Some(call) = self.calls.get(key) else { return };
        let (binding, method) = (call.binding, call.method);
        let idempotent = self.is_idempotent(binding, method);
        let Some(call) = self.calls.get(key) else { return };
        let session = &mut self.sessions[at];
        let Link::Ready(open) = &mut session.link else { return };
        let copy = write_copy(open, call, id, idempotent, true);
        if let Some(slot) = session.slots.current(id) {
            slot.copy = copy;
        }
    }

    /// Asks the server to promise that it never starts the call under this number, if it has not started it.
    pub(super) fn write_fence(&mut self, at: usize, id: SlotId) {
        let session = &mut self.sessions[at];
        let request_id = session.request_id(id);
        let Some(slot) = session.slots.current(id) else { return };
        slot.again = Instant::NEVER;
        let waited_for = matches!(slot.state, SlotState::Fencing(_));
        let want_reply = waited_for || request_id.is_some_and(|id| self.outcomes.is_pending(id));
        if let Some(open) = session.ready() {
            Cancel { id, want_reply }.write(open.outgoing.ready());
        }
    }

    pub(super) fn is_idempotent(&self, binding: BindingId, method: u16) -> bool {
        let service = self.bindings.get(usize::from(binding.0)).map(|binding| binding.service);
        service
            .and_then(|service| service.methods.get(usize::from(method)))
            .is_some_and(|method| method.idempotent)
    }

    pub(super) fn method_name(&self, binding: BindingId, method: u16) -> &'static str {
        let service = self.bindings.get(usize::from(binding.0)).map(|binding| binding.service);
        service.and_then(|service| service.methods.get(usize::from(method))).map_or("", |method| method.path)
    }

    /// The number of a call that has not ended, once it has one.
    pub fn request_id_of(&mut self, key: CallKey) -> Option<RequestId> {
        let call = self.calls.get(key)?;
        call.named = true;
        let CallState::Sent(session, at) = call.state else { return None };
        self.request_id(session, at)
    }

    pub(super) fn numbered(&self, session: u32) -> Option<usize> {
        self.sessions.iter().position(|of| of.number == session)
    }

    pub(super) fn request_id(&self, session: u32, at: SlotId) -> Option<RequestId> {
        self.sessions[self.numbered(session)?].request_id(at)
    }
}

/// Appends one copy of a call's request.
#[inline]
fn write_copy(open: &mut Open, call: &mut Call, id: SlotId, idempotent: bool, resent: bool) -> Copy {
    let size = call.payload.len();
    let metadata = call.metadata.as_deref().and_then(EncodedMetadata::new);
    let whole = call.payload.whole().filter(|whole| whole.len() <= CHUNK_LEN);
    let request = Request {
        id,
        method: call.wire_method,
        deadline: open.time.to_wire(call.deadline),
        resent,
        idempotent,
        metadata: metadata.as_ref().map(EncodedMetadata::as_ref),
        total: (size > CHUNK_LEN).then_some(size as u32),
        payload: whole.unwrap_or_default(),
    };
    if whole.is_some() {
        let (position, checksum) = (open.outgoing.position(), open.outgoing.checksum());
        request.write(open.outgoing.ready(), checksum);
        return Copy::Frame { position, end: open.outgoing.position() };
    }
    let mut head = Vec::new();
    request.begin(&mut head);
    let payload = call.payload.share();
    open.outgoing.push_large(id, head, Some(call.deadline), payload);
    Copy::Large
}
