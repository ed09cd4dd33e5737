//! Requests, cancels and completions: the rows of the slots' tables, carried out.

use super::bindings::Entry;
use super::lane::Open;
use super::queue::LATE;
use super::share::{Shared, Whose};
use super::slot::{Cancelling, Lookup, Queued, Recorded, Slot, SlotState};
use super::{Completion, Execute, Lane, Output, Session};
use crate::connection::{Body, Head, Room};
use crate::error::{Code, ProtocolError};
use crate::frame::{Answer, Cancel, Chunk, Failure, Flags, Kind, Refusal, Reply, Request};
use crate::ids::{RequestId, SlotId};
use crate::metadata::Metadata;
use crate::service::{Parts, Payload, Verdict};
use crate::time::Instant;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// When a client may come again that finds its slot busy.
pub(super) const BUSY_RETRY_MS: u32 = 50;

/// Why a request is refused that waited while its client went on to another call.
const SUPERSEDED: &str = "a later call has taken its slot";

/// A request that is whole.
struct Whole<'a> {
    id: SlotId,
    method: u16,
    deadline: Instant,
    resent: bool,
    idempotent: bool,
    metadata: Option<Box<Metadata>>,
    payload: Body<'a>,
}

impl Session {
    #[inline]
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        lane: Lane,
        request: &Request<'_>,
    ) -> Result<(), ProtocolError> {
        if request.id.slot >= self.agreed.slots {
            let what = format!("slot {} is used, {} were granted", request.id.slot, self.agreed.slots);
            return Err(ProtocolError::LimitExceeded { what });
        }
        if let Some(total) = request.total {
            return self.gather(lane, request, total as usize);
        }
        let Some(open) = self.open(lane) else { return Ok(()) };
        let whole = Whole {
            id: request.id,
            method: request.method,
            deadline: open.time.instant(request.deadline),
            resent: request.resent,
            idempotent: request.idempotent,
            metadata: request.metadata.map(|metadata| Box::new(metadata.to_metadata())),
            payload: Body::Part(request.payload),
        };
        self.handle_whole(now, lane, whole)
    }

    fn gather(&mut self, lane: Lane, request: &Request<'_>, total: usize) -> Result<(), ProtocolError> {
        let limits = &self.config.limits;
        let all = limits.gathering_max.max(limits.message_max);
        let room = Room { most: limits.message_max, all, memory: self.config.memory };
        let Some(open) = self.open(lane) else { return Ok(()) };
        if let Err(refused) =
            open.gathering.begin(Head::of_request(request, open.time), total, request.payload, room)?
        {
            let retry_after_ms = if refused.later { BUSY_RETRY_MS } else { 0 };
            let (code, reason) = (Code::ResourceExhausted, refused.reason);
            self.refuse_later(lane, request.id, code, &reason, retry_after_ms);
        } else {
            self.check_bytes(lane, request.id);
        }
        Ok(())
    }

    /// More of a large message has come: it is refused where there is no room for that.
    fn check_bytes(&mut self, lane: Lane, id: SlotId) {
        if let Err(whose) = self.share.grow(Shared::Bytes, self.bytes())
            && self.open(lane).is_some_and(|open| open.gathering.remove(id))
        {
            self.refuse_full(lane, id, whose, "bytes");
        }
    }

    pub(super) fn handle_chunk(
        &mut self,
        now: Instant,
        lane: Lane,
        chunk: &Chunk<'_>,
    ) -> Result<(), ProtocolError> {
        let Some(open) = self.open(lane) else { return Ok(()) };
        let Some(gathered) = open.gathering.chunk(chunk.id, chunk.payload)? else {
            self.check_bytes(lane, chunk.id);
            return Ok(());
        };
        let Head { kind: Kind::Request, flags, method, deadline, id, metadata } = gathered.head else {
            return Ok(());
        };
        let whole = Whole {
            id,
            method,
            deadline,
            resent: flags.contains(Flags::RESENT),
            idempotent: flags.contains(Flags::IDEMPOTENT),
            metadata,
            payload: Body::Whole(gathered.payload),
        };
        self.handle_whole(now, lane, whole)
    }

    #[inline]
    fn handle_whole(&mut self, now: Instant, lane: Lane, request: Whole<'_>) -> Result<(), ProtocolError> {
        let entry = match self.table.get(usize::from(request.method)) {
            Some(Some(entry)) if entry.idempotent || !request.idempotent => *entry,
            _ => {
                let reason = format!("method {} is not usable in this binding", request.method);
                self.refuse(lane, request.id, Code::Unimplemented, &reason);
                return Ok(());
            }
        };
        let metadata_len = request.metadata.as_ref().map_or(0, |metadata| metadata.encoded_len());
        if metadata_len > self.config.limits.metadata_max {
            let reason = format!(
                "{metadata_len} bytes of metadata, at most {} are accepted",
                self.config.limits.metadata_max
            );
            self.refuse(lane, request.id, Code::ResourceExhausted, &reason);
            return Ok(());
        }
        let hash = match request.idempotent {
            true => 0,
            false => xxh3_64_with_seed(request.payload.as_slice(), entry.seed),
        };
        let hash = if mutant!(DeadlineHashed) && hash != 0 { hash ^ request.deadline.0 } else { hash };
        let index = request.id.slot as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, Slot::default);
        }
        let slot = &mut self.slots[index];
        let lookup = slot.look_up(request.id.sequence, hash);
        if matches!(lookup, Lookup::Join | Lookup::Attach | Lookup::Replay) {
            slot.brought |= lane.mask();
        }
        match lookup {
            Lookup::New => self.admit(now, lane, request, &entry, hash),
            Lookup::Old => {}
            Lookup::Busy => {
                let reason = "an earlier call is still in this slot";
                self.refuse_later(lane, request.id, Code::ResourceExhausted, reason, BUSY_RETRY_MS);
            }
            Lookup::Join => slot.waiters |= lane.mask(),
            Lookup::Attach => {
                if mutant!(WaiterReplaced) {
                    slot.waiters = 0;
                }
                slot.waiters |= lane.mask();
                slot.attached |= lane.mask();
                self.stats.attached += 1;
            }
            Lookup::Replay => self.replay(lane, request.id, true),
            Lookup::Fenced => self.answer_all(lane.mask(), request.id, Answer::Fenced, &[]),
            Lookup::Misuse => {
                let SlotId { slot, sequence } = request.id;
                return Err(ProtocolError::Misuse { slot, sequence });
            }
        }
        Ok(())
    }

    /// A number that has not run: it waits for its handler to start, unless its time is over already.
    #[inline]
    fn admit(&mut self, now: Instant, lane: Lane, request: Whole<'_>, entry: &Entry, hash: u64) {
        let deadline = request.deadline;
        if deadline <= now {
            self.refuse(lane, request.id, Code::DeadlineExceeded, LATE);
            return;
        }
        if self.share.waiting() >= self.unbegun_max() {
            let reason = "too many requests that were given up still wait for their turn";
            self.refuse_later(lane, request.id, Code::ResourceExhausted, reason, BUSY_RETRY_MS);
            return;
        }
        let bytes = request.payload.as_slice().len();
        if let Err(whose) = self.share.grow(Shared::Bytes, self.bytes() + bytes) {
            return self.refuse_full(lane, request.id, whose, "bytes");
        }
        if let Err(whose) = self.share.enter(Shared::Admitted) {
            return self.refuse_full(lane, request.id, whose, "requests that wait for their turn");
        }
        self.requested += bytes;
        let slot = &mut self.slots[request.id.slot as usize];
        // An idempotent call under the number before: nobody waits for it, or the number would not be free.
        let left = SlotId { sequence: slot.last, ..request.id };
        match slot.state {
            SlotState::Running(_) => self.stop(left),
            SlotState::Queued(_) => self.withdraw(left, Code::Cancelled, SUPERSEDED),
            _ => {}
        }
        let slot = &mut self.slots[request.id.slot as usize];
        let (idempotent, blocking) = (request.idempotent, entry.blocking);
        let queued = Queued { idempotent, blocking, deadline, bytes: bytes as u32 };
        let before = std::mem::replace(&mut slot.state, SlotState::Queued(queued));
        slot.brought = lane.mask() | if left == request.id { slot.brought } else { 0 };
        (slot.last, slot.waiters, slot.attached, slot.hash) = (request.id.sequence, lane.mask(), 0, hash);
        self.room.forget(request.id.slot as usize, before.kept());
        self.room.settle();
        if let SlotState::Done(Recorded { payload: Parts { head: Payload::Owned(buffer), .. }, .. }) = before
        {
            self.recycle(buffer);
        }
        let payload = match request.payload {
            Body::Whole(payload) => payload,
            Body::Part(part) => {
                let mut payload = self.spare();
                payload.extend_from_slice(part);
                payload
            }
        };
        self.wanted = self.wanted.max(deadline);
        self.outputs.push_back(Output::Execute(Execute {
            at: request.id,
            request_id: RequestId { session: self.agreed.id, at: request.id },
            service: entry.service,
            method: entry.method,
            idempotent: request.idempotent,
            blocking: entry.blocking,
            deadline,
            attempt: 1 + u8::from(request.resent),
            lane,
            metadata: request.metadata,
            payload,
        }));
    }

    /// A handler has ended. Ignored if the call is not running any more: an idempotent one that was given up.
    #[inline]
    pub fn complete(&mut self, _now: Instant, at: SlotId, completion: Completion) {
        let running = self.slots.get_mut(at.slot as usize).and_then(|slot| slot.running(at.sequence));
        let Some(running) = running else {
            // Unheard, but it ran until now. One that was dropped has left its place before, however late its end is told.
            if let Some(which) = self.unheard.iter().position(|(unheard, _)| *unheard == at) {
                let (_, bytes) = self.unheard.swap_remove(which);
                self.requested -= bytes as usize;
                self.share.end();
            }
            if let Completion::Ok(buffer) | Completion::Application(buffer) = completion {
                self.recycle(buffer);
            }
            return;
        };
        let (idempotent, stopped) = (running.idempotent, running.stopped);
        if mutant!(PanicLeavesRunning) && matches!(completion, Completion::Failed { .. }) {
            return;
        }
        self.requested -= running.bytes as usize;
        self.share.end();
        let (answer, payload) = match completion {
            Completion::Ok(payload) => (Answer::Ok, payload.into()),
            Completion::Application(payload) => (Answer::Application, payload.into()),
            Completion::Block(verdict, head, block) => {
                let answer = if verdict == Verdict::Ok { Answer::Ok } else { Answer::Application };
                (answer, Parts::new(head, Some(block)))
            }
            Completion::Failed { code, message, hops } => {
                let mut payload = Vec::new();
                Failure { code, message, hops }.write(&mut payload);
                (Answer::Failed, payload.into())
            }
            Completion::NotStarted { code, reason } => {
                self.stats.calls -= 1;
                self.stats.shed += 1;
                // A fence may wait for the outcome, and is answered for good: a refusal would leave the number free to run.
                if stopped {
                    (Answer::Fenced, Parts::default())
                } else {
                    let mut payload = Vec::new();
                    Refusal { code, reason }.write(&mut payload);
                    (Answer::Refused, payload.into())
                }
            }
        };
        self.record(at, idempotent, answer, payload);
    }

    pub(super) fn handle_cancel(&mut self, lane: Lane, cancel: &Cancel) -> Result<(), ProtocolError> {
        let id = cancel.id;
        if id.slot >= self.agreed.slots {
            let what = format!("slot {} is cancelled, {} were granted", id.slot, self.agreed.slots);
            return Err(ProtocolError::LimitExceeded { what });
        }
        let index = id.slot as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, Slot::default);
        }
        if let Some(open) = self.open(lane) {
            open.gathering.remove(id);
            open.outgoing.remove_large(id);
        }
        let slot = &mut self.slots[index];
        match slot.look_up_cancel(id.sequence) {
            Cancelling::Stale => self.answer_all(lane.mask(), id, Answer::Stale, &[]),
            Cancelling::Busy => {
                if let Some(open) = self.open(lane) {
                    answer(open, id, Answer::Busy, BUSY_RETRY_MS, &[]);
                }
            }
            Cancelling::Wait => {
                slot.waiters |= lane.mask();
                self.stop(id);
            }
            Cancelling::Drop => {
                let waiters = std::mem::take(&mut slot.waiters) | lane.mask();
                self.stop(id);
                self.answer_all(waiters, id, Answer::Unknown, &[]);
            }
            Cancelling::Replay if cancel.want_reply => self.replay(lane, id, false),
            Cancelling::Replay => self.answer_all(lane.mask(), id, Answer::Executed, &[]),
            Cancelling::Fence => self.fence(lane, id),
        }
        Ok(())
    }

    /// The number will never run, nor will one before it that has not started.
    fn fence(&mut self, lane: Lane, id: SlotId) {
        let slot = &mut self.slots[id.slot as usize];
        if mutant!(FenceIgnored) && id.sequence > slot.last {
            return;
        }
        let vacant = id.sequence == slot.last && matches!(slot.state, SlotState::Vacant);
        if mutant!(VacantFenceNotStored) && vacant {
            return self.answer_all(lane.mask(), id, Answer::Fenced, &[]);
        }
        if mutant!(FenceNotStored) && id.sequence > slot.last {
            return self.answer_all(lane.mask(), id, Answer::Fenced, &[]);
        }
        let left = SlotId { sequence: slot.last, ..id };
        let mut waiters = std::mem::take(&mut slot.waiters);
        if left != id {
            match slot.state {
                SlotState::Running(_) => self.stop(left),
                SlotState::Queued(_) => self.answer_all(waiters, left, Answer::Fenced, &[]),
                _ => {}
            }
            waiters = 0;
        }
        self.take_back(left);
        let slot = &mut self.slots[id.slot as usize];
        self.room.forget(id.slot as usize, slot.state.kept());
        self.room.settle();
        (slot.last, slot.state) = (id.sequence, SlotState::Fenced);
        (slot.attached, slot.brought) = (0, 0);
        self.answer_all(waiters | lane.mask(), id, Answer::Fenced, &[]);
    }

    /// An answer to some of the connections.
    pub(super) fn answer_all(&mut self, lanes: u8, id: SlotId, with: Answer, payload: &[u8]) {
        for (index, open) in self.lanes.iter_mut().enumerate() {
            if let Some(open) = open.as_deref_mut().filter(|_| lanes & (1 << index) != 0) {
                answer(open, id, with, 0, payload);
            }
        }
    }

    pub(super) fn refuse(&mut self, lane: Lane, id: SlotId, code: Code, reason: &str) {
        self.refuse_later(lane, id, code, reason, 0);
    }

    /// There is no more of something.
    #[cold]
    fn refuse_full(&mut self, lane: Lane, id: SlotId, whose: Whose, of: &str) {
        let whose = if whose == Whose::Server { "the server" } else { "this client's part of the server" };
        let reason = format!("{whose} is full: no room for more {of}");
        self.refuse_later(lane, id, Code::ResourceExhausted, &reason, BUSY_RETRY_MS);
    }

    /// Says no to one copy of a request. Nothing is stored: other copies of it may fare differently. One that no client has
    /// written, such as the beginning of a large request once more, is dropped.
    #[cold]
    fn refuse_later(&mut self, lane: Lane, id: SlotId, code: Code, reason: &str, retry_after_ms: u32) {
        let slot = self.slots.get(id.slot as usize);
        if slot.is_some_and(|slot| slot.is_repeated(id.sequence, lane.mask())) {
            return;
        }
        self.stats.shed += 1;
        if let Some(open) = self.open(lane) {
            let mut payload = Vec::new();
            Refusal { code, reason: reason.to_owned() }.write(&mut payload);
            answer(open, id, Answer::Refused, retry_after_ms, &payload);
        }
    }
}

fn answer(open: &mut Open, id: SlotId, answer: Answer, retry_after: u32, payload: &[u8]) {
    let checksum = open.outgoing.checksum();
    Reply { id, answer, retry_after, payload, ..Reply::default() }.write(open.outgoing.ready(), checksum);
}
