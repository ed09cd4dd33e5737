//! One client's session: its slots, what its connections bring, what waits to be done.

use super::bindings::Entry;
use super::endpoint::Services;
use super::lane::Open;
use super::lease::Lease;
use super::pool::Pool;
use super::queue::LATE;
use super::room::Room;
use super::share::{Share, Shared};
use super::slot::{Running, Slot, SlotState};
use super::{Config, Lane, Output};
use crate::codec::{CodecId, Coding};
use crate::connection::{ConnectionTime, Probe, Transmit};
use crate::error::{Code, ProtocolError};
use crate::frame::{self, Bind, Cancel, Checksum, Chunk, Close, Header, Kind, Ping, Pong, Release, Request};
use crate::ids::{Domain, Incarnation, SessionId, SlotId, Token};
use crate::limits::CONNECTIONS_PER_SESSION;
use crate::stats::{Counts, Stats};
use crate::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// Empty buffers that are kept for the next requests and replies, and how large they may be.
const SPARE_MAX: usize = 256;
const SPARE_LEN_MAX: usize = 16 << 10;

/// Of small ones more are kept: one read can bring a request for each slot, which takes a buffer, and one for its reply.
const SPARE_SMALL_MAX: usize = 2048;
const SPARE_SMALL_LEN_MAX: usize = 512;

/// What was agreed in the first handshake, for as long as the session lives.
pub(super) struct Agreed {
    pub(super) id: SessionId,
    pub(super) token: Token,
    pub(super) protocol: u16,
    pub(super) codec: CodecId,
    pub(super) checksum: Checksum,
    pub(super) slots: u32,
    /// The largest reply: it must be the same on all connections, since a reply is recorded once for all of them.
    pub(super) reply_max: usize,
    pub(super) incarnation: Incarnation,
    pub(super) domain: Domain,
}

/// The machine of one session. See the [module](super).
pub struct Session {
    pub(super) agreed: Agreed,
    pub(super) config: Arc<Config>,
    pub(super) services: Arc<Services>,
    pub(super) lease: Lease,
    /// A connection was attached before, so that the next one resumes the session.
    pub(super) welcomed: bool,
    /// The highest number that a connection had.
    pub(super) newest: u32,
    /// The server is about to go, and why.
    pub(super) going: Option<Box<str>>,
    /// When its last connection was lost.
    pub(super) left: Instant,
    /// Until when callers wait for answers, as far as their deadlines say.
    pub(super) wanted: Instant,
    pub(super) lanes: [Option<Box<Open>>; CONNECTIONS_PER_SESSION],
    /// Grown as they are used, up to the granted number.
    pub(super) slots: Vec<Slot>,
    /// The methods of all bindings; refused bindings leave holes.
    pub(super) table: Vec<Option<Entry>>,
    /// Bytes of types that may still be sent: a short `Bind` asks for many.
    pub(super) types_left: usize,
    pub(super) outputs: VecDeque<Output>,
    /// No handler's time is up before this. Kept low instead of exact: a timer that fires too early costs one scan.
    pub(super) next_deadline: Instant,
    /// What its calls take of the server. Requests that were taken back keep their places until the driver has asked for them, since
    /// it is not told.
    pub(super) share: Share,
    /// Bytes of the requests that are queued or run, of those that were taken back and of those that run unheard.
    pub(super) requested: usize,
    /// Requests that were taken back before they began, and their bytes: the driver holds them until their turn.
    pub(super) taken_back: Vec<(SlotId, u32)>,
    /// Handlers that run on although nobody waits for what they come to, and their bytes: those of a session that has ended, and
    /// those that block. Each keeps its place until its end.
    pub(super) unheard: Vec<(SlotId, u32)>,
    /// For the replies that the slots keep.
    pub(super) room: Room,
    pub(super) stats: Counts,
    pub(super) spare: Vec<Vec<u8>>,
}

impl Session {
    pub(super) fn new(
        agreed: Agreed,
        config: Arc<Config>,
        services: Arc<Services>,
        pool: Arc<Pool>,
        share: Share,
    ) -> Self {
        Self {
            room: Room::new(pool, config.limits.replies_max),
            agreed,
            config,
            services,
            lease: Lease::Held,
            welcomed: false,
            newest: 0,
            going: None,
            left: Instant::default(),
            wanted: Instant::default(),
            lanes: Default::default(),
            slots: Vec::new(),
            table: Vec::new(),
            types_left: super::bindings::TYPES_PER_SESSION_MAX,
            outputs: VecDeque::new(),
            next_deadline: Instant::NEVER,
            share,
            requested: 0,
            taken_back: Vec::new(),
            unheard: Vec::new(),
            stats: Counts::default(),
            spare: Vec::new(),
        }
    }

    /// Its public number.
    pub fn id(&self) -> SessionId {
        self.agreed.id
    }

    /// The codec of all of its payloads, and how far values may go.
    pub fn coding(&self) -> Coding {
        Coding::new(self.agreed.codec, &self.config.limits)
    }

    /// Bytes from the client: as many whole frames as there are. Returns how many bytes were used; the driver keeps the
    /// rest and shows it again, with what follows.
    pub fn handle_bytes(&mut self, now: Instant, lane: Lane, bytes: &[u8]) -> usize {
        let mut used = 0;
        loop {
            match self.handle_next(now, lane, &bytes[used..]) {
                Ok(Some(length)) => used += length,
                Ok(None) => break,
                Err(error) => {
                    self.fail_lane(lane, error);
                    return bytes.len();
                }
            }
        }
        self.stats.bytes_in += used as u64;
        match self.open(lane) {
            Some(open) if !open.ending => {
                // A part of a frame is a sign of life as well: on a slow line a whole one takes longer than a pong may.
                if !bytes.is_empty() {
                    open.liveness.heard(now);
                }
                open.unfinished.seen(now, used > 0, used < bytes.len());
                used
            }
            _ => bytes.len(),
        }
    }

    #[inline]
    fn handle_next(
        &mut self,
        now: Instant,
        lane: Lane,
        bytes: &[u8],
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(open) = self.open(lane).filter(|open| !open.ending) else { return Ok(None) };
        let Some((header, body)) = frame::split(bytes, open.outgoing.checksum())? else { return Ok(None) };
        if header.kind == Kind::Request {
            self.handle_request(now, lane, &Request::read(&header, body)?)?;
        } else {
            self.handle_frame(now, lane, &header, body)?;
        }
        Ok(Some(header.length as usize))
    }

    fn handle_frame(
        &mut self,
        now: Instant,
        lane: Lane,
        header: &Header,
        body: &[u8],
    ) -> Result<(), ProtocolError> {
        match header.kind {
            Kind::Bind => self.handle_bind(lane, &Bind::read(header, body)?)?,
            Kind::Chunk => self.handle_chunk(now, lane, &Chunk::read(header, body)?)?,
            Kind::Cancel => self.handle_cancel(lane, &Cancel::read(header, body)?)?,
            Kind::Ping => {
                let number = Ping::read(header, body)?.number;
                if let Some(open) = self.open(lane) {
                    Pong { number }.write(open.outgoing.ready());
                }
            }
            Kind::Pong => {
                let number = Pong::read(header, body)?.number;
                // The client counts deadlines from its receipt of that ping, from this Pong on.
                if let Some(open) = self.open(lane)
                    && let Some(sent) = open.liveness.ponged(now, number)
                {
                    open.time = ConnectionTime::starting(sent);
                }
            }
            Kind::Release => self.handle_release(&Release::read(header, body)?),
            Kind::Close => self.handle_close(now, lane, &Close::read(header, body)?),
            _ => {
                return Err(ProtocolError::Unexpected {
                    kind: header.kind.name(),
                    when: "by a server, after the handshake",
                });
            }
        }
        Ok(())
    }

    #[inline]
    pub(super) fn open(&mut self, lane: Lane) -> Option<&mut Open> {
        self.lanes.get_mut(usize::from(lane.0))?.as_deref_mut()
    }

    /// Nobody waits for a handler any more.
    pub(super) fn stop(&mut self, at: SlotId) {
        let Some(slot) = self.slots.get_mut(at.slot as usize) else { return };
        let Some(running) = slot.running(at.sequence) else { return };
        let Running { idempotent: drop, blocking, bytes, .. } = *running;
        if drop {
            slot.state = SlotState::Vacant;
            if blocking {
                self.unheard.push((at, bytes));
            } else {
                self.requested -= bytes as usize;
                self.share.end();
            }
        } else if std::mem::replace(&mut running.stopped, true) {
            return;
        }
        self.outputs.push_back(Output::Stop { at, drop });
    }

    /// The time of an earlier [`Output::Wait`] has come. Harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        if now >= self.next_deadline {
            self.expire(now);
        }
        for index in 0..self.lanes.len() {
            let lane = Lane(index as u8);
            let (reads, going) = (self.reads(lane), self.going.is_some());
            let Some(open) = self.lanes[index].as_deref_mut() else { continue };
            for id in open.gathering.expire(now) {
                self.refuse(lane, id, Code::DeadlineExceeded, LATE);
            }
            let (limits, Some(open)) = (&self.config.limits, self.lanes[index].as_deref_mut()) else {
                continue;
            };
            if open.unfinished.is_late(now, limits.frame_within, reads) && !open.ending {
                let what = format!("a frame was not complete within {:?}", limits.frame_within);
                self.fail_lane(lane, ProtocolError::LimitExceeded { what });
                continue;
            }
            match open.liveness.poll(now, going, open.outgoing.handed_out(), limits) {
                Probe::Wait(_) => {}
                Probe::Ping(number) => {
                    Ping { number }.write(open.outgoing.ready());
                    // Most pings ask who has been silent for long. A busy session soon has its buffers again.
                    open.outgoing.rest();
                    self.spare = Vec::new();
                }
                Probe::Dead(_) => {
                    self.outputs.push_back(Output::Close(lane, None));
                    self.handle_disconnected(now, lane);
                }
            }
        }
    }

    /// Handlers whose callers have stopped waiting.
    fn expire(&mut self, now: Instant) {
        let mut next = Instant::NEVER;
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            let at = SlotId { slot: index as u32, sequence: slot.last };
            let SlotState::Running(running) = &slot.state else { continue };
            if running.stopped {
                continue;
            }
            if now < running.deadline {
                next = next.min(running.deadline);
                continue;
            }
            // The client's own clock says the same at about this time: an answer would only race with it.
            if running.idempotent {
                slot.waiters = 0;
            }
            self.stop(at);
        }
        self.next_deadline = next;
    }

    /// What the driver must do next.
    #[inline]
    pub fn poll_output(&mut self) -> Output {
        match self.outputs.pop_front() {
            Some(output) => output,
            None => {
                self.settle_share();
                Output::Wait(self.next_timeout())
            }
        }
    }

    /// What is not used goes back. Replies wait to be written, and parts of messages come, whether there is room or not: they
    /// are counted here, and keep new requests out.
    #[inline]
    fn settle_share(&mut self) {
        self.share.set(Shared::Bytes, self.bytes());
        self.share.settle();
    }

    /// Bytes that it holds for its calls: requests that wait or run, messages that are not whole, replies that wait to be written.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        let held = |open: &Open| open.gathering.held() + open.outgoing.backlog();
        self.requested + self.lanes.iter().flatten().map(|open| held(open)).sum::<usize>()
    }

    fn next_timeout(&self) -> Instant {
        let limits = &self.config.limits;
        let going = self.going.is_some();
        let next = |open: &Open| {
            let late = if open.ending { Instant::NEVER } else { open.unfinished.due(limits.frame_within) };
            open.liveness.next(going, limits).min(late).min(open.gathering.next_deadline())
        };
        let lanes = self.lanes.iter().flatten().map(|open| next(open));
        lanes.fold(self.next_deadline.min(self.lease.next(limits.lease)), Instant::min)
    }

    /// Appends what is to be written on a connection now, about [`TRANSMIT_LEN`](crate::limits::TRANSMIT_LEN) at most; `false` if there is nothing.
    #[inline]
    pub fn poll_transmit(&mut self, now: Instant, lane: Lane, into: &mut impl Transmit) -> bool {
        let Some(open) = self.lanes.get_mut(usize::from(lane.0)).and_then(Option::as_deref_mut) else {
            return false;
        };
        let (before, handed_out) = (into.held(), open.outgoing.handed_out());
        let some = open.outgoing.transmit(into, open.time);
        if some {
            open.liveness.handed_out(now, handed_out);
        }
        self.stats.bytes_out += (into.held() - before) as u64;
        some
    }

    /// The stream was full, and has taken more of what was handed out: a sign of life, as for
    /// [`Client::handle_progress`](crate::client::Client::handle_progress).
    pub fn handle_progress(&mut self, now: Instant, lane: Lane) {
        if let Some(open) = self.open(lane) {
            open.liveness.heard(now);
        }
    }

    /// Whether [`Session::poll_transmit`] has something.
    #[inline]
    pub fn has_outgoing(&self, lane: Lane) -> bool {
        self.lanes
            .get(usize::from(lane.0))
            .and_then(Option::as_deref)
            .is_some_and(|open| open.outgoing.backlog() > 0)
    }

    /// `false` while a client does not take its replies: its further requests stay in the socket.
    #[inline]
    pub fn reads(&self, lane: Lane) -> bool {
        let open = self.lanes.get(usize::from(lane.0)).and_then(Option::as_deref);
        let limits = &self.config.limits;
        open.is_some_and(|open| !open.outgoing.is_full(limits.outgoing_max, limits.large_outgoing_max()))
    }

    /// An empty buffer, for a reply.
    #[inline]
    pub fn spare(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    #[inline]
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        // Without a connection there is no next request that it would serve.
        let most = match buffer.capacity() {
            0 => 0,
            len if len <= SPARE_SMALL_LEN_MAX => SPARE_SMALL_MAX,
            len if len <= SPARE_LEN_MAX => SPARE_MAX,
            _ => 0,
        };
        if self.spare.len() < most && self.lease == Lease::Held {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Bytes of the replies that it keeps.
    pub fn replies_kept(&self) -> usize {
        self.slots.iter().map(|slot| slot.state.kept()).sum()
    }

    /// Handlers that run now.
    pub fn executing(&self) -> usize {
        self.share.used(Shared::Executing)
    }

    /// No handler runs, and none waits for its turn but such as were taken back.
    pub fn is_idle(&self) -> bool {
        self.executing() == 0 && !self.slots.iter().any(|slot| matches!(slot.state, SlotState::Queued(_)))
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        self.stats.into()
    }
}
