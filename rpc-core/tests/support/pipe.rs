//! A connection as two byte pipes that can be slow, full, deaf, or cut.

use rpc_core::server::{Handshake, Lane};
use rpc_core::{Instant, SessionId};
use std::collections::VecDeque;

/// What a slow line takes at a time, about a packet.
const PACKET: usize = 1400;

/// A line that carries so many bytes a second.
pub struct Line {
    pub bytes_a_second: u64,
    /// Bytes that the system takes before it says that it is full. Those on the line count.
    pub room: usize,
    /// When the line has carried what it was given.
    pub free: Instant,
}

/// One direction of a connection.
#[derive(Default)]
pub struct Pipe {
    pub(super) in_flight: VecDeque<(Instant, Vec<u8>)>,
    /// What has arrived and was not used.
    pub(super) unread: Vec<u8>,
    /// What was handed out and the system has not taken.
    held: VecDeque<u8>,
    /// Without one, everything is taken at once and is only late.
    pub line: Option<Line>,
    /// Bytes that the system has taken and nobody acknowledges.
    lost: usize,
    /// Everything that was ever written.
    pub sent: Vec<u8>,
    /// Bytes that have arrived so far.
    arrived: usize,
    /// Nothing is taken from the writer: its socket is full.
    pub blocked: bool,
    /// What is written vanishes.
    pub black_hole: bool,
    /// What is written stays under way until further notice.
    pub stalled: bool,
    /// The connection breaks when so many bytes have arrived.
    pub cut_at: Option<usize>,
    /// Arriving bytes are shown in pieces of this size.
    pub piece: Option<usize>,
}

/// The server's end of a connection.
pub enum End {
    Handshake(Handshake),
    /// It is told so, and is closed.
    Refused(Vec<u8>),
    Session(SessionId, Lane),
    /// The test plays the server.
    Raw,
    Closed,
}

pub struct Wire {
    pub up: Pipe,
    pub down: Pipe,
    pub end: End,
    /// Where it leads to.
    pub(super) address: usize,
    pub(super) client_open: bool,
    /// The server does not learn that the client has gone.
    pub(super) forlorn: bool,
}

impl Wire {
    pub fn is_closed(&self) -> bool {
        matches!(self.end, End::Closed)
    }

    pub fn is_open_at_the_client(&self) -> bool {
        self.client_open
    }
}

impl Pipe {
    pub(super) fn write(&mut self, arrival: Instant, bytes: Vec<u8>) {
        self.sent.extend_from_slice(&bytes);
        if self.line.is_some() {
            self.held.extend(bytes);
            self.flush(arrival);
        } else if !self.black_hole {
            self.in_flight.push_back((arrival, bytes));
        }
    }

    /// Puts on the line what the system has room for; whether that was anything.
    pub(super) fn flush(&mut self, arrival: Instant) -> bool {
        let Some(line) = &mut self.line else { return false };
        let mut taken = self.lost + self.in_flight.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let before = taken;
        while !self.held.is_empty() && taken < line.room {
            let packet: Vec<u8> = self.held.drain(..self.held.len().min(PACKET)).collect();
            taken += packet.len();
            if self.black_hole {
                self.lost += packet.len();
                continue;
            }
            let nanos = packet.len() as u64 * 1_000_000_000 / line.bytes_a_second;
            line.free = Instant(line.free.max(arrival).0 + nanos);
            self.in_flight.push_back((line.free, packet));
        }
        taken > before
    }

    /// From now on nothing arrives any more, whatever was on its way included.
    pub fn vanish(&mut self) {
        self.black_hole = true;
        self.lost = self.in_flight.drain(..).map(|(_, bytes)| bytes.len()).sum();
    }

    /// Whether a writer gets rid of further bytes.
    pub(super) fn is_writable(&self) -> bool {
        !self.blocked && self.held.is_empty()
    }

    pub(super) fn take(&mut self, arrival: Instant, mut transmit: impl FnMut(&mut Vec<u8>) -> bool) -> bool {
        let mut busy = false;
        let mut bytes = Vec::new();
        while self.is_writable() && transmit(&mut bytes) {
            self.write(arrival, std::mem::take(&mut bytes));
            busy = true;
        }
        busy
    }

    pub(super) fn arrive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (when, bytes) = self.in_flight.front_mut()?;
        if self.stalled || *when > now || self.cut_at.is_some_and(|at| self.arrived >= at) {
            return None;
        }
        let room = self.cut_at.map_or(usize::MAX, |at| at - self.arrived);
        let length = bytes.len().min(self.piece.unwrap_or(usize::MAX)).min(room);
        let part: Vec<u8> = bytes.drain(..length).collect();
        if bytes.is_empty() {
            self.in_flight.pop_front();
        }
        self.arrived += part.len();
        Some(part)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut_at.is_some_and(|at| self.arrived >= at) && !self.sent.is_empty()
    }

    pub(super) fn has_due(&self, now: Instant) -> bool {
        self.next_arrival() <= now
    }

    pub(super) fn next_arrival(&self) -> Instant {
        if self.stalled {
            return Instant::NEVER;
        }
        self.in_flight.front().map_or(Instant::NEVER, |(when, _)| *when)
    }
}
