//! One direction of a connection: a queue of pieces, each with the time of its arrival.

use rpc_core::Instant;
use std::collections::VecDeque;

/// How a stream ends for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In order: nothing follows.
    Closed,
    /// Broken.
    Reset,
}

#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    End(Ending),
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Pipe {
    pieces: VecDeque<(Instant, Piece)>,
    /// Nothing arrives before this: it would overtake.
    last: Instant,
    /// Everything waits until then: a partition, or a slow way.
    stalled: Instant,
    /// What is written vanishes.
    pub(crate) black_hole: bool,
    /// Its end was written: nothing may follow.
    ended: bool,
    /// Bytes that were taken from the writer and have not arrived.
    on_the_way: usize,
    room: usize,
    /// A bit of the next piece is changed.
    pub(crate) corrupts: bool,
    /// What was written of a frame that is not whole yet, for those who listen in.
    pub(crate) heard: Vec<u8>,
}

impl Pipe {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            pieces: VecDeque::new(),
            last: Instant(0),
            stalled: Instant(0),
            black_hole: false,
            ended: false,
            on_the_way: 0,
            room,
            corrupts: false,
            heard: Vec::new(),
        }
    }

    /// Whether the writer gets rid of further bytes.
    pub(crate) fn is_writable(&self) -> bool {
        self.on_the_way < self.room
    }

    /// Takes a piece, which arrives at this time at the earliest. Gives the time at which it does; none if it never does.
    pub(crate) fn push(&mut self, arrival: Instant, piece: Piece) -> Option<Instant> {
        if let Piece::Bytes(bytes) = &piece {
            self.on_the_way += bytes.len();
        }
        if self.black_hole || self.ended {
            return None;
        }
        self.ended = matches!(piece, Piece::End(_));
        self.last = arrival.max(self.last).max(self.stalled);
        self.pieces.push_back((self.last, piece));
        Some(self.last)
    }

    /// What has arrived by now.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Piece> {
        let (_, piece) = if self.pieces.front()?.0 <= now { self.pieces.pop_front()? } else { return None };
        if let Piece::Bytes(bytes) = &piece {
            self.on_the_way -= bytes.len();
        }
        Some(piece)
    }

    /// Nothing arrives before `until`. Gives how many pieces wait.
    pub(crate) fn stall(&mut self, until: Instant) -> usize {
        self.stalled = self.stalled.max(until);
        for (when, _) in &mut self.pieces {
            *when = (*when).max(until);
        }
        self.last = self.last.max(until);
        self.pieces.len()
    }

    /// What is on its way is lost, and so is what follows.
    pub(crate) fn vanish(&mut self) {
        self.black_hole = true;
        self.pieces.clear();
    }

    /// What is on its way is lost behind the first `bytes`.
    pub(crate) fn truncate(&mut self, mut bytes: usize) {
        for (_, piece) in &mut self.pieces {
            if let Piece::Bytes(piece) = piece {
                piece.truncate(bytes);
                bytes -= piece.len();
            }
        }
        self.on_the_way = self.bytes();
    }

    /// Nothing has held it up since then.
    pub(crate) fn flows_since(&self, then: Instant) -> bool {
        !self.black_hole && !self.ended && self.stalled <= then
    }

    /// Bytes that will still arrive.
    pub(crate) fn bytes(&self) -> usize {
        let length = |piece: &Piece| if let Piece::Bytes(bytes) = piece { bytes.len() } else { 0 };
        self.pieces.iter().map(|(_, piece)| length(piece)).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Nobody reads any more.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.on_the_way = 0;
    }
}
