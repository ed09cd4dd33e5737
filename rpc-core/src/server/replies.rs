//! Replies of at-most-once calls: kept for copies of their requests, given up under pressure.
//!
//! What a server keeps of them is bounded, for a session and for all together. When there is no more room, this is given up, in
//! this order: the session's own oldest replies; the new reply; new sessions, which the endpoint refuses. Never
//! given up are the fact that a number was executed, and what other sessions keep.

use super::lane::Open;
use super::slot::{Recorded, Slot, SlotState};
use super::{Lane, Session};
use crate::error::{Code, ProtocolError};
use crate::frame::{Answer, Failure, Flags, Release, Reply};
use crate::ids::SlotId;
use crate::limits::CHUNK_LEN;
use crate::service::{Parts, Payload};

/// A recorded reply up to this size is copied when it is asked for again.
const REPLAY_COPIED_MAX: usize = 256;

/// What the buffer of a kept reply may have too much. More is given back.
const UNUSED_MAX: usize = 64;

impl Session {
    #[inline]
    pub(super) fn record(&mut self, at: SlotId, idempotent: bool, answer: Answer, payload: Parts) {
        let slot = &mut self.slots[at.slot as usize];
        let (waiters, attached) = (std::mem::take(&mut slot.waiters), std::mem::take(&mut slot.attached));
        let mut recorded = Recorded { answer, payload };
        recorded.limit(self.agreed.reply_max, self.config.limits.message_max);
        if mutant!(RecordedWhenSent) && waiters == 0 {
            slot.state = SlotState::Vacant;
            return;
        }
        let idempotent = idempotent && !mutant!(IdempotentRecorded);
        if mutant!(IdempotentRecorded) && slot.hash == 0 && waiters == 0 {
            recorded = Recorded::without_reply();
        }
        let room = self.config.limits.room_for_backlog();
        let mut overfull = None;
        for (index, open) in self.lanes.iter_mut().enumerate() {
            let Some(open) = open.as_deref_mut().filter(|_| waiters & (1 << index) != 0) else { continue };
            recorded.write(open, at, Flags::NONE.with(Flags::ATTACHED, attached & (1 << index) != 0));
            if open.outgoing.backlog() > room {
                overfull = Some((Lane(index as u8), open.outgoing.backlog()));
            }
        }
        // A refusal leaves nothing behind, and an idempotent call may run again: a copy is as good as new.
        if idempotent || matches!(answer, Answer::Refused | Answer::Fenced) {
            slot.state = if answer == Answer::Fenced { SlotState::Fenced } else { SlotState::Vacant };
            if matches!(answer, Answer::Refused | Answer::Fenced) {
                slot.brought = 0;
            }
            if let Payload::Owned(buffer) = recorded.payload.head {
                self.recycle(buffer);
            }
        } else {
            self.keep(at, recorded);
        }
        if let Some((lane, backlog)) = overfull {
            let what = format!("{backlog} bytes of replies wait for it to read them, and {room} may");
            self.fail_lane(lane, ProtocolError::LimitExceeded { what });
        }
    }

    /// The fact that a call was executed, with its reply if there is room for that.
    #[inline]
    fn keep(&mut self, at: SlotId, mut recorded: Recorded) {
        let index = at.slot as usize;
        let bytes = recorded.payload.len();
        if let Payload::Owned(buffer) = &mut recorded.payload.head {
            if bytes == 0 {
                let buffer = std::mem::take(buffer);
                self.recycle(buffer);
            } else if buffer.capacity() > 2 * bytes + UNUSED_MAX {
                buffer.shrink_to_fit();
            }
        }
        if self.room.fits(bytes) || self.make_room(bytes) {
            self.room.keep(index, bytes);
        } else {
            recorded = Recorded::without_reply();
        }
        self.slots[index].state = SlotState::Done(recorded);
    }

    #[cold]
    fn make_room(&mut self, bytes: usize) -> bool {
        // Not for nothing.
        if !self.room.may_fit(bytes) {
            return false;
        }
        while !self.room.grow(bytes) {
            let Some(oldest) = self.room.oldest() else { return false };
            self.forget_reply(oldest);
        }
        true
    }

    /// Of an executed call only that fact is left.
    fn forget_reply(&mut self, index: usize) {
        let Some(Slot { state, .. }) = self.slots.get_mut(index) else { return };
        self.room.forget(index, state.kept());
        if mutant!(NumberForgotten) {
            *state = SlotState::Vacant;
        } else if matches!(state, SlotState::Done(_)) {
            *state = SlotState::Done(Recorded::without_reply());
        }
    }

    /// The client has its replies, and is idle: their bytes may go, the fact that the calls ran stays.
    pub(super) fn handle_release(&mut self, release: &Release) {
        if mutant!(ReleaseDropsAll) {
            for index in 0..self.slots.len() {
                if matches!(self.slots[index].state, SlotState::Done(_)) {
                    self.forget_reply(index);
                }
            }
        }
        for id in &release.ids {
            let index = id.slot as usize;
            let slot = self.slots.get(index).filter(|slot| slot.last == id.sequence);
            if slot.is_some_and(|slot| matches!(slot.state, SlotState::Done(_))) {
                self.forget_reply(index);
            }
        }
        self.room.give_back();
    }

    pub(super) fn replay(&mut self, lane: Lane, id: SlotId, count: bool) {
        let Some(open) = self.lanes.get_mut(usize::from(lane.0)).and_then(Option::as_deref_mut) else {
            return;
        };
        let Some(Slot { state: SlotState::Done(recorded), .. }) = self.slots.get_mut(id.slot as usize) else {
            return;
        };
        self.stats.replayed += u64::from(count);
        recorded.write(open, id, Flags::REPLAYED);
    }
}

impl Recorded {
    /// A reply beyond a limit becomes a failure that says so: the call has run, its result cannot be told.
    #[inline]
    fn limit(&mut self, most: usize, ours: usize) {
        let size = self.payload.len();
        if size > most && matches!(self.answer, Answer::Ok | Answer::Application) {
            let whose = if most == ours { "this server's" } else { "the client's" };
            let message = format!("the reply has {size} bytes, but {whose} limit is {most}");
            let mut payload = Vec::new();
            Failure { code: Code::ResourceExhausted, message, hops: Vec::new() }.write(&mut payload);
            *self = Recorded { answer: Answer::Failed, payload: payload.into() };
        }
    }

    #[inline]
    fn write(&mut self, open: &mut Open, id: SlotId, flags: Flags) {
        let size = self.payload.len();
        let mut reply = Reply {
            id,
            answer: self.answer,
            replayed: flags.contains(Flags::REPLAYED),
            attached: flags.contains(Flags::ATTACHED),
            ..Reply::default()
        };
        // A replay costs its client a few bytes: it is not copied, and a further one takes its place.
        let most = if reply.replayed { REPLAY_COPIED_MAX } else { CHUNK_LEN };
        let Some(whole) = self.payload.whole().filter(|whole| whole.len() <= most) else {
            let mut head = Vec::new();
            reply.total = (size > CHUNK_LEN).then_some(size as u32);
            reply.begin(&mut head);
            let payload = self.payload.share();
            open.outgoing.push_large(id, head, None, payload);
            return;
        };
        let checksum = open.outgoing.checksum();
        reply.payload = whole;
        reply.write(open.outgoing.ready(), checksum);
    }
}
