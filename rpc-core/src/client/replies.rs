//! From a reply to the end of its call.

use super::slots::{Slot, SlotState};
use super::{CallKey, Client, Output};
use crate::connection::{Body, Head};
use crate::error::{Attempts, Code, Error, Execution, HOP_MAX, Hop, ProtocolError, REASON_MAX, shown};
use crate::frame::{self, Answer, Chunk, Failure, Kind, Refusal};
use crate::ids::SlotId;
use crate::service::{Payload, Reply, Verdict};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

impl Client {
    #[inline]
    pub(super) fn handle_reply(
        &mut self,
        now: Instant,
        reply: &frame::Reply<'_>,
    ) -> Result<(), ProtocolError> {
        if reply.replayed || reply.attached {
            self.count(reply);
        }
        match reply.total {
            None => self.answered(now, reply.id, reply.answer, reply.retry_after, Body::Part(reply.payload)),
            Some(total) => self.gather(now, reply, total as usize),
        }
    }

    /// Only what a call that still waits is answered with.
    #[cold]
    fn count(&mut self, reply: &frame::Reply<'_>) {
        if let Some(Slot { state: SlotState::Pending(_), .. }) = self.slots.current(reply.id) {
            self.stats.replayed += u64::from(reply.replayed);
            self.stats.attached += u64::from(reply.attached);
        }
    }

    fn gather(&mut self, now: Instant, reply: &frame::Reply<'_>, total: usize) -> Result<(), ProtocolError> {
        match self.slots.current(reply.id).map(|slot| slot.state) {
            Some(SlotState::Pending(_)) => {}
            // Nobody wants the result any more, but that there is one is all that the slot waits for.
            Some(SlotState::Quarantined { .. }) => {
                self.slots.finish(now, reply.id.slot);
                return Ok(());
            }
            _ => return Ok(()),
        }
        let limits = &self.config.limits;
        let (most, all) = (limits.message_max, limits.room_for_replies());
        let Some(open) = self.link.open_mut() else { return Ok(()) };
        let head = Head::of_reply(reply);
        if let Err(refused) = open.gathering.begin(head, total, reply.payload, most, all)? {
            let Some(key) = self.leave_slot(now, reply.id) else { return Ok(()) };
            let reason = refused.reason;
            self.end_failed(
                key,
                reply.id,
                Failure { code: Code::ResourceExhausted, message: reason, hops: Vec::new() },
            );
        }
        Ok(())
    }

    pub(super) fn handle_chunk(&mut self, now: Instant, chunk: &Chunk<'_>) -> Result<(), ProtocolError> {
        let Some(open) = self.link.open_mut() else { return Ok(()) };
        let Some(whole) = open.gathering.chunk(chunk.id, chunk.payload)? else { return Ok(()) };
        let Some(answer) = Answer::from_wire(whole.head.method).filter(|_| whole.head.kind == Kind::Reply)
        else {
            return Ok(());
        };
        self.answered(now, chunk.id, answer, 0, Body::Whole(whole.payload))
    }

    /// An answer counts only for the slot's current number: any other is late, and its call has ended.
    #[inline]
    fn answered(
        &mut self,
        now: Instant,
        id: SlotId,
        answer: Answer,
        retry_after: u32,
        body: Body<'_>,
    ) -> Result<(), ProtocolError> {
        let Some(slot) = self.slots.current(id) else { return Ok(()) };
        match slot.state {
            SlotState::Free => Ok(()),
            SlotState::Quarantined { .. } if answer == Answer::Busy => {
                self.ask_again(now, id, retry_after);
                Ok(())
            }
            SlotState::Quarantined { .. } => {
                match answer {
                    Answer::Ok | Answer::Application | Answer::Failed | Answer::Executed => {
                        self.slots.finish(now, id.slot);
                    }
                    _ => self.slots.release(now, id.slot),
                }
                Ok(())
            }
            SlotState::Pending(key) => {
                let verdict = match answer {
                    Answer::Ok => Verdict::Ok,
                    Answer::Application => Verdict::Application,
                    _ => return self.end_refused(now, key, id, answer, retry_after, body.as_slice()),
                };
                let end = slot.end;
                self.slots.finish(now, id.slot);
                // What a handler was given has arrived whole. Where a large request ends is not known, but nothing follows
                // it when no other call is left.
                if let Some(open) = self.link.open_mut()
                    && let Some(end) =
                        end.or((self.slots.in_use() == 0).then_some(open.outgoing.handed_out()))
                {
                    open.liveness.arrived(end);
                }
                self.end_ok(key, id, verdict, body);
                Ok(())
            }
        }
    }

    fn ask_again(&mut self, now: Instant, id: SlotId, retry_after: u32) {
        let again = now + Duration::from_millis(u64::from(retry_after.clamp(10, 10_000)));
        if let Some(slot) = self.slots.current(id) {
            slot.state = SlotState::Quarantined { again };
        }
        if let Some(open) = self.link.open_mut() {
            open.busy_again = open.busy_again.min(again);
        }
    }

    fn leave_slot(&mut self, now: Instant, id: SlotId) -> Option<CallKey> {
        let SlotState::Pending(key) = self.slots.current(id)?.state else { return None };
        self.slots.finish(now, id.slot);
        Some(key)
    }

    #[inline]
    fn end_ok(&mut self, key: CallKey, id: SlotId, verdict: Verdict, body: Body<'_>) {
        let request_id = self.request_id(id);
        let coding = self.coding();
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let binding = self.bindings.get(usize::from(call.binding.0));
        let evolution = binding.and_then(|binding| binding.evolution(call.method)).cloned();
        let payload = match body {
            Body::Whole(payload) => Payload::from(payload),
            // The buffer that brought the arguments takes the result: nothing is allocated.
            Body::Part(part) => call.payload.refill(part),
        };
        let reply = Reply { verdict, payload, coding, method, request_id, evolution };
        self.outputs.push_back(Output::Ended(key, Ok(reply)));
    }

    #[cold]
    fn end_refused(
        &mut self,
        now: Instant,
        key: CallKey,
        id: SlotId,
        answer: Answer,
        retry_after: u32,
        payload: &[u8],
    ) -> Result<(), ProtocolError> {
        // The slot is left only when the answer was understood: otherwise the connection ends, and the call with it.
        let (code, reason) = match answer {
            Answer::Failed => {
                let failure = Failure::read(payload)?;
                self.slots.finish(now, id.slot);
                self.end_failed(key, id, failure);
                return Ok(());
            }
            Answer::Refused => {
                let refusal = Refusal::read(payload)?;
                self.stats.shed += 1;
                (refusal.code, shown(&refusal.reason, REASON_MAX))
            }
            Answer::Busy => (Code::ResourceExhausted, "the slot is busy".to_owned()),
            Answer::Fenced | Answer::Stale => {
                (Code::Aborted, "the call was fenced off before it started".to_owned())
            }
            _ => (Code::Unknown, String::new()),
        };
        self.slots.release(now, id.slot);
        if let Some(open) = self.link.open_mut() {
            // The rest of a large request that was refused by its first part.
            open.outgoing.remove_large(id);
        }
        let request_id = self.request_id(id);
        let address: Arc<str> = self.link.address().into();
        let Some(call) = self.calls.remove(key) else { return Ok(()) };
        let (method, attempts) = (self.method_name(call.binding, call.method), Attempts::default());
        let error = match answer {
            Answer::Executed => Error::ReplyLost { method, address, request_id, attempts },
            // By the server's reckoning, which is the earlier one, the time of the call is over: it has dropped the handler.
            Answer::Unknown if self.is_idempotent(call.binding, call.method) => {
                let (address, execution) = (Some(address), Execution::Unknown);
                Error::DeadlineExceeded {
                    method,
                    address,
                    after: call.timeout,
                    execution,
                    request_id,
                    attempts,
                }
            }
            Answer::Unknown => Error::InDoubt { method, address, request_id, attempts },
            // An earlier id of the call may have run, so that this one did not says nothing.
            _ if call.in_doubt => Error::InDoubt { method, address, request_id, attempts },
            _ => {
                let retry_after = (retry_after > 0).then(|| Duration::from_millis(u64::from(retry_after)));
                Error::Refused { method, address, code, reason, retry_after, request_id, attempts }
            }
        };
        self.outputs.push_back(Output::Ended(key, Err(error)));
        Ok(())
    }

    fn end_failed(&mut self, key: CallKey, id: SlotId, failure: Failure) {
        let request_id = self.request_id(id);
        let address: Arc<str> = self.link.address().into();
        let Some(call) = self.calls.remove(key) else { return };
        let method = self.method_name(call.binding, call.method);
        let Failure { code, message, hops } = failure;
        let message = shown(&message, REASON_MAX);
        let hop =
            |hop: Hop| Hop { method: shown(&hop.method, HOP_MAX), address: shown(&hop.address, HOP_MAX) };
        let hops: Box<[Hop]> = hops.into_iter().map(hop).collect();
        let attempts = Attempts::default();
        let error = match hops.is_empty() {
            true => Error::Internal { method, address, code, message, request_id, attempts },
            false => Error::Nested { method, address, code, message, hops, request_id, attempts },
        };
        self.outputs.push_back(Output::Ended(key, Err(error)));
    }
}
