//! Connections of a session come and go, and in the end the session goes.

use super::handshake::reject;
use super::lane::Open;
use super::lease::Lease;
use super::{Lane, Output, Session};
use crate::error::ProtocolError;
use crate::frame::{Close, CloseCode, GoAway, Hello, RejectCode, Welcome};
use crate::ids::SlotId;
use crate::time::Instant;

/// When a client may come again whose connection found no place among the four of its session.
const PLACE_RETRY_MS: u32 = 1000;

/// Why a connection is not attached to a session.
#[derive(Debug)]
pub enum Refusal {
    /// The session is over. Report it by [`Endpoint::handle_session_over`](super::Endpoint::handle_session_over) and ask
    /// [`Endpoint::handle_hello`](super::Endpoint::handle_hello) again.
    Over,
    /// Write these bytes, then close the connection.
    Reject(Vec<u8>),
}

impl Session {
    /// A connection of this client, past its `Hello`. Queues the `Welcome`.
    ///
    /// A session has four connections at most. A fifth takes the place, and the [`Lane`], of the one whose `Hello` had the lowest
    /// number: the driver closes that one without a word.
    ///
    /// # Errors
    /// [`Refusal::Over`]: there is no session any more. [`Refusal::Reject`]: the client does not offer the session's codec, or
    /// the connection is older than the four that are there: its `Hello` is late, and must not cost a living one its place.
    pub fn handle_connected(&mut self, now: Instant, hello: &Hello) -> Result<Lane, Refusal> {
        if self.lease.is_over() {
            return Err(Refusal::Over);
        }
        let codec = self.agreed.codec.to_wire();
        if !hello.codecs.contains(&codec) {
            let reason = format!("the session has codec {codec}, the client offers {:?}", hello.codecs);
            return Err(refusal(RejectCode::Codec, 0, &reason));
        }
        let lane = self.place_for(hello.connection).ok_or_else(|| {
            refusal(RejectCode::TooMany, PLACE_RETRY_MS, "the session has four later connections")
        })?;
        // In this order: its place is taken at once, so that the lease does not begin to run.
        let former = self.lanes[usize::from(lane.0)].replace(Box::new(Open::starting(now, hello.connection)));
        if former.is_some() {
            self.forget_waiters(lane);
        }
        self.stats.bytes_in += hello.encoded_len() as u64;
        self.stats.resumed += u64::from(self.welcomed);
        self.lease = Lease::Held;
        self.newest = self.newest.max(hello.connection);
        self.welcome(lane);
        Ok(lane)
    }

    /// The client has made a later connection since, and gives nothing on this one any more.
    pub(super) fn is_superseded(&mut self, lane: Lane) -> bool {
        let newest = self.newest;
        self.open(lane).is_some_and(|open| open.number < newest)
    }

    /// A free place, or that of the oldest connection.
    fn place_for(&self, number: u32) -> Option<Lane> {
        let lane = |index: usize| Lane(index as u8);
        if let Some(free) = self.lanes.iter().position(Option::is_none) {
            return Some(lane(free));
        }
        let numbers = self.lanes.iter().map(|open| open.as_ref().map_or(0, |open| open.number));
        let (lowest, index) = numbers.zip(0..).min()?;
        (lowest < number).then(|| lane(index))
    }

    fn welcome(&mut self, lane: Lane) {
        let limits = &self.config.limits;
        let welcome = Welcome {
            protocol: self.agreed.protocol,
            codec: self.agreed.codec.to_wire(),
            checksum: self.agreed.checksum,
            message_max: u32::try_from(limits.message_max).unwrap_or(u32::MAX),
            slots: self.agreed.slots,
            session: self.agreed.id,
            token: self.agreed.token,
            incarnation: self.agreed.incarnation,
            domain: self.agreed.domain,
            lease_ms: u32::try_from(limits.lease.as_millis()).unwrap_or(u32::MAX),
            resumed: std::mem::replace(&mut self.welcomed, true),
            software: self.config.software.clone(),
        };
        let (checksum, going) = (self.agreed.checksum, self.going.clone());
        let Some(open) = self.open(lane) else { return };
        welcome.write(open.outgoing.ready());
        open.outgoing.set_checksum(checksum);
        if let Some(reason) = going {
            GoAway { reason: reason.into() }.write(open.outgoing.ready());
        }
    }

    /// A connection is gone, and nobody waits on it any more. What is queued or runs goes on, and replies are kept: a copy of
    /// the request may come over another connection. When it was the last one, the lease begins to run.
    pub fn handle_disconnected(&mut self, now: Instant, lane: Lane) {
        let Some(place) = self.lanes.get_mut(usize::from(lane.0)) else { return };
        if place.take().is_none() {
            return;
        }
        self.forget_waiters(lane);
        let attached = self.lanes.iter().any(Option::is_some) && !mutant!(LeaseRunsAttached);
        if self.lease != Lease::Held || attached {
            return;
        }
        self.left = now;
        self.lease = Lease::running(now, self.config.limits.lease);
        match self.lease.is_over() {
            true => self.bury(),
            false => self.shrink(),
        }
    }

    fn forget_waiters(&mut self, lane: Lane) {
        if mutant!(WaitersLost) {
            self.slots.iter_mut().for_each(|slot| slot.waiters = 0);
        }
        for slot in &mut self.slots {
            slot.waiters &= !lane.mask();
            slot.attached &= !lane.mask();
            slot.brought &= !lane.mask();
        }
    }

    /// Nobody is connected: what only helps a busy session takes no memory.
    fn shrink(&mut self) {
        self.spare = Vec::new();
        self.outputs.shrink_to_fit();
        self.slots.shrink_to_fit();
        self.table.shrink_to_fit();
        self.room.give_back();
    }

    /// Time has gone on while nobody is connected.
    pub(super) fn tick(&mut self, now: Instant) {
        if mutant!(LeaseNeverEnds) {
            return;
        }
        if self.lease.tick(now, self.config.limits.lease) {
            self.bury();
            if mutant!(LeaseForgetsSlots) {
                self.lease = Lease::running(now, self.config.limits.lease);
            }
        }
    }

    /// The client has read its last frame from this connection, and has said why.
    pub(super) fn handle_close(&mut self, now: Instant, lane: Lane, close: &Close) {
        self.outputs.push_back(Output::Close(lane, None));
        self.handle_disconnected(now, lane);
        // It needs nothing of the session any more. Other codes are about the connection alone.
        if close.code == CloseCode::GoingAway {
            self.end(CloseCode::GoingAway, "the client has closed the session", None);
        }
    }

    /// The client does not keep to the protocol: it is told, and this connection ends.
    #[cold]
    pub(super) fn fail_lane(&mut self, lane: Lane, error: ProtocolError) {
        let reason = error.to_string();
        if matches!(error, ProtocolError::Misuse { .. }) {
            // Somebody else uses this session's numbers, so none of them can be trusted: all of it ends at once.
            self.end(CloseCode::Misuse, &reason, Some(&error));
            return;
        }
        self.end_lane(lane, CloseCode::ProtocolError, &reason);
        self.outputs.push_back(Output::Close(lane, Some(error)));
    }

    /// Says the last word on a connection. No answer may follow it, and no request is taken any more.
    fn end_lane(&mut self, lane: Lane, code: CloseCode, reason: &str) {
        let Some(open) = self.open(lane).filter(|open| !open.ending) else { return };
        open.ending = true;
        open.outgoing.end_with(|out| Close { code, reason: reason.to_owned() }.write(out));
        self.forget_waiters(lane);
    }

    /// Ends the session and all of its connections.
    pub fn close(&mut self, _now: Instant, reason: &str) {
        self.end(CloseCode::GoingAway, reason, None);
    }

    /// The end, in one step: nothing that was not started is started, nobody waits, nothing more is read, and no connection is
    /// attached any more.
    fn end(&mut self, code: CloseCode, reason: &str, error: Option<&ProtocolError>) {
        if self.lease.is_over() {
            return;
        }
        for index in 0..self.lanes.len() {
            let lane = Lane(index as u8);
            if self.open(lane).is_some_and(|open| !open.ending) {
                self.end_lane(lane, code, reason);
                self.outputs.push_back(Output::Close(lane, error.cloned()));
            }
        }
        self.bury();
    }

    /// What is left of a session that has ended: handlers that run on, unheard.
    fn bury(&mut self) {
        self.lease = Lease::Over;
        if mutant!(QueueOutlivesSession) {
            return;
        }
        self.drop_queued();
        for index in 0..self.slots.len() {
            let at = SlotId { slot: index as u32, sequence: self.slots[index].last };
            self.stop(at);
            self.unheard.extend(self.slots[index].running(at.sequence).map(|running| (at, running.bytes)));
        }
        self.slots = Vec::new();
        self.room.forget_all();
        self.shrink();
    }

    /// Its lease has ended, or it was closed or misused: nothing of it can be resumed, no handler of it starts, none that runs is
    /// heard. Connections may still have their last frame to write.
    pub fn is_over(&self) -> bool {
        self.lease.is_over()
    }
}

fn refusal(code: RejectCode, retry_after_ms: u32, reason: &str) -> Refusal {
    let mut out = Vec::new();
    reject(code, retry_after_ms, reason).write(&mut out);
    Refusal::Reject(out)
}
