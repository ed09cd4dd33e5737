//! From a reply to the end of its call.

use super::outcomes::Outcome;
use super::retrying::Refused;
use super::slots::{Copy, Slot, SlotState};
use super::{BindingId, CallKey, Client, Output};
use crate::connection::{Body, Head, Room};
use crate::error::{Attempts, Code, Error, Execution, HOP_MAX, Hop, ProtocolError, REASON_MAX, shown};
use crate::frame::{self, Answer, Chunk, Failure, Kind, Refusal};
use crate::ids::SlotId;
use crate::service::{Payload, Reply, Verdict};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// Of a failure or a refusal that was sent in another form than this protocol's.
const UNREADABLE: &str = "the server's words cannot be read";

fn unreadable() -> Failure {
    Failure { code: Code::Internal, message: UNREADABLE.to_owned(), hops: Vec::new() }
}

/// What stands in an answer, but for the payload.
#[derive(Clone, Copy)]
struct Answered {
    id: SlotId,
    answer: Answer,
    retry_after: u32,
}

impl Client {
    #[inline]
    pub(super) fn handle_reply(
        &mut self,
        now: Instant,
        at: usize,
        reply: &frame::Reply<'_>,
    ) -> Result<(), ProtocolError> {
        if reply.replayed || reply.attached {
            self.count(at, reply);
        }
        let answered = Answered { id: reply.id, answer: reply.answer, retry_after: reply.retry_after };
        match reply.total {
            None => self.answered(now, at, answered, Body::Part(reply.payload)),
            Some(total) => self.gather(now, at, reply, total as usize),
        }
    }

    /// Only what a call that still waits is answered with.
    #[cold]
    fn count(&mut self, at: usize, reply: &frame::Reply<'_>) {
        if let Some(Slot { state: SlotState::Pending(_), .. }) = self.sessions[at].slots.current(reply.id) {
            self.stats.replayed += u64::from(reply.replayed);
            self.stats.attached += u64::from(reply.attached);
        }
    }

    fn gather(
        &mut self,
        now: Instant,
        at: usize,
        reply: &frame::Reply<'_>,
        total: usize,
    ) -> Result<(), ProtocolError> {
        let session = &mut self.sessions[at];
        let request_id = session.request_id(reply.id);
        let waiting = match session.slots.current(reply.id).map(|slot| slot.state) {
            Some(SlotState::Pending(key) | SlotState::Fencing(key)) => Some(key),
            Some(SlotState::Quarantined(..)) if request_id.is_some_and(|id| self.outcomes.is_pending(id)) => {
                None
            }
            // Nobody will ask for the result any more, but that there is one is all that the slot waits for.
            Some(SlotState::Quarantined(..)) => {
                session.slots.finish(now, reply.id.slot);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let limits = &self.config.limits;
        let room =
            Room { most: limits.message_max, all: limits.room_for_replies(), memory: self.config.memory };
        let Some(open) = session.link.open_mut() else { return Ok(()) };
        let head = Head::of_reply(reply);
        if let Err(refused) = open.gathering.begin(head, total, reply.payload, room)? {
            session.slots.finish(now, reply.id.slot);
            match waiting {
                None => self.settle(at, reply.id, Outcome::Executed(None)),
                Some(key) => {
                    let (code, message) = (Code::ResourceExhausted, refused.reason);
                    self.end_failed(now, at, key, reply.id, Failure { code, message, hops: Vec::new() });
                }
            }
        }
        Ok(())
    }

    pub(super) fn handle_chunk(
        &mut self,
        now: Instant,
        at: usize,
        chunk: &Chunk<'_>,
    ) -> Result<(), ProtocolError> {
        let Some(open) = self.sessions[at].link.open_mut() else { return Ok(()) };
        let Some(whole) = open.gathering.chunk(chunk.id, chunk.payload)? else { return Ok(()) };
        let Some(answer) = Answer::from_wire(whole.head.method).filter(|_| whole.head.kind == Kind::Reply)
        else {
            return Ok(());
        };
        let answered = Answered { id: chunk.id, answer, retry_after: 0 };
        self.answered(now, at, answered, Body::Whole(whole.payload))
    }

    /// An answer counts only for the slot's current number: any other is late, and its call has ended.
    #[inline]
    fn answered(
        &mut self,
        now: Instant,
        at: usize,
        answered: Answered,
        body: Body<'_>,
    ) -> Result<(), ProtocolError> {
        let Answered { id, answer, .. } = answered;
        let session = &mut self.sessions[at];
        let Some(slot) = session.slots.current(id) else { return Ok(()) };
        let (SlotState::Pending(key) | SlotState::Fencing(key)) = slot.state else {
            return self.answered_late(now, at, answered, body);
        };
        let verdict = match answer {
            Answer::Ok => Verdict::Ok,
            Answer::Application => Verdict::Application,
            _ => return self.end_otherwise(now, at, key, answered, body.as_slice()),
        };
        let copy = slot.copy;
        session.slots.finish(now, id.slot);
        // What a handler was given has arrived whole. Where a large request ends is not known, but nothing follows
        // it when no other call is left.
        let idle = session.slots.in_use() == 0;
        if let Some(open) = session.link.open_mut() {
            open.useful = true;
            match copy {
                Copy::Frame { end, .. } => open.liveness.arrived(end),
                _ if idle => open.liveness.arrived(open.outgoing.handed_out()),
                _ => {}
            }
        }
        self.end_ok(at, key, id, verdict, body);
        Ok(())
    }

    /// Nobody waits for the call any more; what the answer says is kept for whoever asks.
    #[cold]
    fn answered_late(
        &mut self,
        now: Instant,
        at: usize,
        Answered { id, answer, retry_after }: Answered,
        body: Body<'_>,
    ) -> Result<(), ProtocolError> {
        let session = &mut self.sessions[at];
        let Some(slot) = session.slots.current(id) else { return Ok(()) };
        let SlotState::Quarantined(binding, method) = slot.state else { return Ok(()) };
        let outcome = match answer {
            Answer::Busy => {
                self.fence_again(now, at, id, retry_after);
                return Ok(());
            }
            // The answer to the request itself. If another copy is on its way, the fence's own answer follows.
            Answer::Refused => {
                let copy = std::mem::replace(&mut slot.copy, Copy::None);
                if copy == Copy::None || slot.stray {
                    return Ok(());
                }
                Outcome::NotExecuted
            }
            Answer::Fenced => Outcome::NotExecuted,
            Answer::Stale | Answer::Unknown => Outcome::Unknown { settled: true },
            Answer::Executed => Outcome::Executed(None),
            Answer::Failed => {
                let failure = Failure::read(body.as_slice()).unwrap_or_else(|_| unreadable());
                Outcome::Failed(self.failure(at, binding, method, id, failure))
            }
            Answer::Ok => Outcome::Executed(self.late_reply(at, binding, method, id, Verdict::Ok, body)),
            Answer::Application => {
                Outcome::Executed(self.late_reply(at, binding, method, id, Verdict::Application, body))
            }
        };
        let slots = &mut self.sessions[at].slots;
        match outcome.execution() {
            Execution::Executed => slots.finish(now, id.slot),
            _ => slots.release(now, id.slot),
        }
        self.settle(at, id, outcome);
        Ok(())
    }

    fn late_reply(
        &self,
        at: usize,
        binding: BindingId,
        method: u16,
        id: SlotId,
        verdict: Verdict,
        body: Body<'_>,
    ) -> Option<Reply> {
        let request_id = self.sessions[at].request_id(id).filter(|id| self.outcomes.is_pending(*id))?;
        let payload = match body {
            Body::Whole(payload) => payload,
            Body::Part(part) => part.to_vec(),
        };
        let evolution = self.evolution(at, binding, method);
        let (coding, method) = (self.coding(), self.method_name(binding, method));
        let payload = Payload::from(payload);
        Some(Reply { verdict, payload, coding, method, request_id: Some(request_id), evolution })
    }

    fn fence_again(&mut self, now: Instant, at: usize, id: SlotId, retry_after: u32) {
        let again = now + Duration::from_millis(u64::from(retry_after.clamp(10, 10_000)));
        let session = &mut self.sessions[at];
        if let Some(slot) = session.slots.current(id) {
            slot.again = again;
        }
        if let Some(open) = session.link.open_mut() {
            open.busy_again = open.busy_again.min(again);
        }
    }

    #[inline]
    fn end_ok(&mut self, at: usize, key: CallKey, id: SlotId, verdict: Verdict, body: Body<'_>) {
        let request_id = self.sessions[at].request_id(id);
        let Some(call) = self.calls.peek(key) else { return };
        let evolution = self.evolution(at, call.binding, call.method);
        let Some(call) = self.calls.get(key) else { return };
        match body {
            Body::Whole(payload) => call.payload = payload.into(),
            // The buffer that brought the arguments takes the result: nothing is allocated.
            Body::Part(part) => call.payload.refill(part),
        }
        call.answer(verdict, request_id, evolution);
        self.outputs.push_back(Output::Ended(key));
    }

    /// The answer is no result. The slot is left only when the answer was understood: otherwise the connection ends.
    #[cold]
    fn end_otherwise(
        &mut self,
        now: Instant,
        at: usize,
        key: CallKey,
        Answered { id, answer, retry_after }: Answered,
        payload: &[u8],
    ) -> Result<(), ProtocolError> {
        let retry_after = (retry_after > 0).then(|| Duration::from_millis(u64::from(retry_after)));
        match answer {
            Answer::Failed => {
                // Asked again, the server would say the same: the call ends, and the connection too if that makes no sense.
                let (failure, malformed) = match Failure::read(payload) {
                    Ok(failure) => (failure, Ok(())),
                    Err(error) => (unreadable(), Err(error)),
                };
                self.sessions[at].slots.finish(now, id.slot);
                self.end_failed(now, at, key, id, failure);
                return malformed;
            }
            Answer::Refused => {
                self.stats.shed += 1;
                let (refusal, malformed) = match Refusal::read(payload) {
                    Ok(refusal) => (refusal, Ok(())),
                    Err(error) => {
                        (Refusal { code: Code::Internal, reason: UNREADABLE.to_owned() }, Err(error))
                    }
                };
                let (code, reason) = (refusal.code, shown(&refusal.reason, REASON_MAX));
                let refused = Refused { code, reason, ..self.refused_at(at, id, retry_after) };
                self.refused(now, at, key, id, refused);
                return malformed;
            }
            Answer::Busy => {
                self.fence_again(now, at, id, retry_after.map_or(0, |after| after.as_millis() as u32))
            }
            Answer::Fenced => {
                let asked = self.calls.get(key).and_then(|call| call.asked.take());
                let refused = self.refused_at(at, id, asked);
                self.sessions[at].slots.release(now, id.slot);
                self.not_executed(now, key, refused);
            }
            _ => self.end_unknown(now, at, key, id, answer),
        }
        Ok(())
    }

    /// A fence that was written because one copy was refused is as good as a refusal of all of them.
    pub(super) fn refused_at(&self, at: usize, id: SlotId, retry_after: Option<Duration>) -> Refused {
        let session = &self.sessions[at];
        Refused {
            address: session.server(),
            code: Code::Unavailable,
            reason: "the call was fenced off before it started".to_owned(),
            retry_after,
            request_id: session.request_id(id),
        }
    }

    /// A refusal answers the copy on this connection. If others may be on their way, the call is fenced first; an idempotent
    /// one need not wait for that.
    fn refused(&mut self, now: Instant, at: usize, key: CallKey, id: SlotId, refused: Refused) {
        let session = &mut self.sessions[at];
        let Some(slot) = session.slots.current(id) else { return };
        let copy = std::mem::replace(&mut slot.copy, Copy::None);
        if copy == Copy::None {
            return; // of a copy that was answered already
        }
        let stray = slot.stray && !mutant!(RefusalIsVerdict);
        if let Some(open) = session.link.open_mut() {
            // The rest of a large request that was refused by its first part.
            open.outgoing.remove_large(id);
        }
        let Some(call) = self.calls.get(key) else { return };
        let (binding, method) = (call.binding, call.method);
        if stray && !self.is_idempotent(binding, method) {
            if let Some(slot) = self.sessions[at].slots.current(id) {
                slot.state = SlotState::Fencing(key);
            }
            if let Some(call) = self.calls.get(key) {
                call.asked = refused.retry_after;
                call.failed(now, refused.address, format!("one copy refused: {}", refused.reason));
            }
            return self.write_fence(at, id);
        }
        if let Some(call) = self.calls.get(key) {
            call.in_doubt |= stray;
        }
        if mutant!(NumberReused)
            && let Some(slot) = self.sessions[at].slots.current(id)
        {
            slot.sequence -= 1;
        }
        self.sessions[at].slots.release(now, id.slot);
        self.not_executed(now, key, refused);
    }

    /// The server cannot say, or has no reply any more.
    fn end_unknown(&mut self, now: Instant, at: usize, key: CallKey, id: SlotId, answer: Answer) {
        let session = &mut self.sessions[at];
        let (address, request_id) = (session.server(), session.request_id(id));
        match answer {
            Answer::Executed => session.slots.finish(now, id.slot),
            _ => session.slots.release(now, id.slot),
        }
        let Some(mut call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let attempts = call.attempts(now, &address, "no reply");
        let none = Attempts::default();
        let error = match answer {
            Answer::Executed => Error::ReplyLost { method, address, request_id, attempts: none },
            // By the server's reckoning, which is the earlier one, the time of the call is over: it has dropped the handler.
            Answer::Unknown if self.is_idempotent(call.binding, call.method) => Error::DeadlineExceeded {
                method,
                address: Some(address),
                after: call.timeout,
                execution: Execution::Unknown,
                request_id,
                attempts: none,
            },
            _ => Error::InDoubt { method, address, request_id, attempts: none },
        };
        self.fail(key, error.with_attempts(attempts));
    }

    fn end_failed(&mut self, now: Instant, at: usize, key: CallKey, id: SlotId, failure: Failure) {
        let Some(mut call) = self.calls.remove(key) else { return };
        let attempts = call.attempts(now, &self.sessions[at].server(), "the handler failed");
        let error = self.failure(at, call.binding, call.method, id, failure);
        self.fail(key, error.with_attempts(attempts));
    }

    fn failure(&self, at: usize, binding: BindingId, method: u16, id: SlotId, failure: Failure) -> Error {
        let request_id = self.sessions[at].request_id(id);
        let address: Arc<str> = self.sessions[at].server();
        let method = self.method_name(binding, method);
        let Failure { code, message, hops } = failure;
        let message = shown(&message, REASON_MAX);
        let hop =
            |hop: Hop| Hop { method: shown(&hop.method, HOP_MAX), address: shown(&hop.address, HOP_MAX) };
        let hops: Box<[Hop]> = hops.into_iter().map(hop).collect();
        let attempts = Attempts::default();
        match hops.is_empty() {
            true => Error::Internal { method, address, code, message, request_id, attempts },
            false => Error::Nested { method, address, code, message, hops, request_id, attempts },
        }
    }
}
