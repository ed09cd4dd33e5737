//! One direction of one connection: bytes are read at one end, wait until they are due, and are written at the other.

use crate::connection::Connection;
use crate::counts::Fault;
use crate::direction::Way;
use crate::orders::{Ending, Gate, Orders};
use crate::queue::Queue;
use crate::shared::lock;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

/// What one read may bring.
const READ_LEN: usize = 16 << 10;

/// For so long nothing more comes from a sender of whom all was read, though the runtime has asked the system for it.
const GATHER: Duration = Duration::from_millis(5);

/// A time that no test waits for.
const NEVER: Duration = Duration::from_secs(1 << 30);

/// A limited bandwidth is written in pieces of so much time's bytes.
const PIECES_A_SECOND: u64 = 50;

/// Jitter is drawn from streams of its own, away from those of faults.
const JITTER_STREAMS: u64 = 1 << 63;

/// How a direction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The sender has ended the stream, and the receiver knows.
    Ended,
    /// The receiver takes nothing any more. The sender learns it by the other direction, unless that is a black hole.
    Broken,
    /// The sender is gone, and what it had sent was delivered.
    Reset,
    /// It was ordered.
    Cut,
}

/// ```text
///        the sender ends, or is gone               all is delivered
///  Open ----------------------------> Ending ----------------------------> Ended, Reset
///   |
///   |  ordered to half-close           all is delivered
///   +----------------------> Halving -----------------> Muted: what comes is thrown away
///                                                         |   the sender ends
///                                                         +-------------------> Ended, Reset
///
///  any: the receiver takes nothing -> Broken; ordered to cut -> Cut
/// ```
#[derive(Clone, Copy, Debug)]
enum Phase {
    Open,
    Ending { outcome: Outcome, came: Instant },
    Halving,
    Muted,
}

/// What to do next.
enum Step {
    /// Read so much at most, write so much of the queue's front, look again at that time; whichever is first.
    Move {
        read: usize,
        write: usize,
        at: Option<Instant>,
    },
    /// Tell the receiver that nothing follows.
    Shut,
    /// Everything that was ordered to pass has passed: count this, then look again.
    Count(Fault),
    Over(Outcome),
}

pub(crate) struct Pump<R, W> {
    way: Way,
    from: R,
    to: W,
    connection: Arc<Connection>,
    queue: Queue,
    phase: Phase,
    /// When a limited bandwidth lets the next byte pass.
    free_at: Instant,
    dice: ChaCha8Rng,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Pump<R, W> {
    pub(crate) fn new(way: Way, from: R, to: W, connection: Arc<Connection>) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(connection.shared.seed);
        dice.set_stream(JITTER_STREAMS | (2 * connection.number + way as u64));
        Pump {
            way,
            from,
            to,
            connection,
            queue: Queue::default(),
            phase: Phase::Open,
            free_at: Instant::now(),
            dice,
            bytes: vec![0; READ_LEN],
        }
    }

    pub(crate) async fn run(&mut self) -> Outcome {
        loop {
            match self.step(Instant::now()) {
                Step::Over(outcome) => return outcome,
                Step::Count(fault) => self.connection.shared.count(fault, self.connection.number),
                Step::Shut => {
                    // If it fails, the receiver is gone, and knows.
                    let _ = self.to.shutdown().await;
                    match self.phase {
                        Phase::Ending { outcome, .. } => return outcome,
                        _ => self.phase = Phase::Muted,
                    }
                }
                Step::Move { read, write, at } => {
                    if let Some(outcome) = self.advance(read, write, at).await {
                        return outcome;
                    }
                }
            }
        }
    }

    /// What the sender has sent comes to what is held.
    pub(crate) async fn gather(&mut self) {
        while self.queue.room() > 0 {
            let room = self.queue.room().min(READ_LEN);
            match timeout(GATHER, self.from.read(&mut self.bytes[..room])).await {
                Ok(Ok(count @ 1..)) => self.take(count),
                _ => return,
            }
        }
    }

    /// What was read and not delivered.
    pub(crate) fn into_queue(self) -> Queue {
        self.queue
    }

    async fn advance(&mut self, read: usize, write: usize, at: Option<Instant>) -> Option<Outcome> {
        let front = self.queue.front();
        tokio::select! {
            () = self.connection.woken(self.way) => None,
            done = self.from.read(&mut self.bytes[..read]), if read > 0 => self.has_read(done),
            done = self.to.write(&front[..write]), if write > 0 => self.has_written(done),
            () = sleep_until(at.unwrap_or_else(Instant::now)), if at.is_some() => None,
        }
    }

    fn has_read(&mut self, done: io::Result<usize>) -> Option<Outcome> {
        let outcome = match done {
            Ok(count @ 1..) => {
                // Nobody gets what comes after the end.
                if !matches!(self.phase, Phase::Muted) {
                    self.take(count);
                }
                return None;
            }
            Ok(0) => Outcome::Ended,
            Err(_) => Outcome::Reset,
        };
        if matches!(self.phase, Phase::Muted) {
            return Some(outcome);
        }
        self.phase = Phase::Ending { outcome, came: Instant::now() };
        None
    }

    fn take(&mut self, count: usize) {
        let bytes = &self.bytes[..count];
        let luck = self.dice.next_u32() as f64 / f64::from(u32::MAX);
        self.queue.push(bytes, Instant::now(), luck);
        if self.way == Way::ToServer {
            lock(&self.connection.shared.captures).add(self.connection.number, bytes);
        }
    }

    fn has_written(&mut self, done: io::Result<usize>) -> Option<Outcome> {
        let Ok(count @ 1..) = done else { return Some(Outcome::Broken) };
        self.queue.pop(count);
        let mut state = self.connection.lock();
        let orders = &mut state.ways[self.way as usize];
        orders.delivered += count as u64;
        orders.on_the_way = self.queue.len();
        if let Some(rate) = orders.rate() {
            let takes = Duration::from_secs_f64(count as f64 / rate as f64);
            self.free_at = self.free_at.max(Instant::now()) + takes;
        }
        None
    }

    /// Compares the orders with where things are.
    fn step(&mut self, now: Instant) -> Step {
        let connection = self.connection.clone();
        let mut state = connection.lock();
        if state.cut.is_some() {
            return Step::Over(Outcome::Cut);
        }
        let orders = &mut state.ways[self.way as usize];
        orders.on_the_way = self.queue.len();
        if orders.half_close && matches!(self.phase, Phase::Open) {
            self.phase = Phase::Halving;
        }
        let read = match self.phase {
            Phase::Open => self.queue.room().min(READ_LEN),
            Phase::Muted => READ_LEN,
            Phase::Ending { .. } | Phase::Halving => 0,
        };
        match orders.gate() {
            Gate::BlackHole => return Step::Move { read: 0, write: 0, at: None },
            Gate::Hold => return Step::Move { read, write: 0, at: None },
            Gate::Open => {}
        }
        if let Some((at, ending)) = orders.cut_at
            && orders.delivered >= at
        {
            state.end(ending);
            drop(state);
            connection.wake();
            return Step::Count(if ending == Ending::Fin { Fault::Cut } else { Fault::Reset });
        }
        self.deliver(orders, read, now)
    }

    /// The same, for a direction in which bytes pass.
    fn deliver(&mut self, orders: &mut Orders, read: usize, now: Instant) -> Step {
        let (came, luck) = match (self.queue.first(), self.phase) {
            (Some(first), _) => first,
            (None, Phase::Ending { came, .. }) => (came, 0.0),
            (None, Phase::Halving) => return Step::Shut,
            (None, Phase::Open | Phase::Muted) => return Step::Move { read, write: 0, at: None },
        };
        let due = came.checked_add(orders.lateness(luck)).unwrap_or(now + NEVER);
        if due > now {
            return Step::Move { read, write: 0, at: Some(due) };
        }
        let front = self.queue.front().len();
        if front == 0 {
            let reset = matches!(self.phase, Phase::Ending { outcome: Outcome::Reset, .. });
            return if reset { Step::Over(Outcome::Reset) } else { Step::Shut };
        }
        if orders.rate().is_some() && self.free_at > now {
            return Step::Move { read, write: 0, at: Some(self.free_at) };
        }
        if let Some(at) = orders.corrupt_at
            && at < orders.delivered + front as u64
        {
            orders.corrupt_at = None;
            self.queue.flip(at.saturating_sub(orders.delivered) as usize);
            return Step::Count(Fault::Corruption);
        }
        let mut write = front as u64;
        if let Some(rate) = orders.rate() {
            write = write.min((rate / PIECES_A_SECOND).max(1));
        }
        for fence in [orders.cut_at.map(|(at, _)| at), orders.stop_at].into_iter().flatten() {
            write = write.min(fence.saturating_sub(orders.delivered));
        }
        if write == 0 {
            self.connection.stopped();
        }
        Step::Move { read, write: write as usize, at: None }
    }
}
