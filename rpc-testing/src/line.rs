//! The handle that orders faults.

use crate::captures::Captures;
use crate::carry::{Link, carry};
use crate::chaos::{self, Chaos};
use crate::connection::Connection;
use crate::counts::{Counts, Fault};
use crate::direction::Direction;
use crate::orders::{Ending, Gate, Orders};
use crate::shared::{Observer, Registered, Shared, Tasks};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The line between clients and a server: what its faults are ordered by, and counted. A [`Proxy`](crate::Proxy) has one, and so
/// has a [`pair`](crate::pair).
///
/// Faults are ordered for **the connections that there are**, and end with them. [`delay`](Line::delay), [`jitter`](Line::jitter)
/// and [`bandwidth`](Line::bandwidth) are properties of the line: connections that are made later have them too.
/// [`heal`](Line::heal) takes away whatever can be taken away. Orders take effect at once, and return at once; what was ordered for
/// a later byte waits for it. A line holds 256 KiB a connection and direction; then it reads nothing more, and the sender has to wait
/// as it would on any slow line.
///
/// All clones are one line. When the last one is dropped, its connections end.
#[derive(Clone)]
pub struct Line {
    pub(crate) shared: Arc<Shared>,
    /// Held for its drop, and by none of them.
    _tasks: Arc<Tasks>,
}

impl Line {
    pub(crate) fn with(seed: Option<u64>, captures: Captures, observer: Option<Observer>) -> Line {
        let tasks = Arc::new(Tasks::default());
        // Short enough to be typed.
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()) % 1_000_000);
        Line { shared: Shared::new(seed, captures, observer, &tasks), _tasks: tasks }
    }

    /// Makes these the two ends of one more connection.
    pub(crate) fn connect(&self, near: impl Link, far: impl Link) {
        // Here and not in its task, so that it hears what is ordered next.
        let registered = self.shared.register(self.shared.number());
        self.shared.spawn(serve(registered, near, far));
    }

    /// Every byte arrives so much later than it was sent, on connections to come too. Bytes keep their order and their distances.
    /// What is on its way already is late by so much in all. At most 256 KiB are on their way at a time, so a long delay limits the
    /// bandwidth too. Zero, the default, is no delay.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.stand(direction, Fault::Delay, |orders| {
            let was = orders.delays();
            orders.delay = delay;
            !was && orders.delays()
        });
    }

    /// On top of the delay, every byte is late by a time between zero and this, drawn from the [seed](Line::seed) anew for those that
    /// came together, on connections to come too. Bytes keep their order: one that is early waits for those before it.
    pub fn jitter(&self, direction: Direction, jitter: Duration) {
        self.stand(direction, Fault::Delay, |orders| {
            let was = orders.delays();
            orders.jitter = jitter;
            !was && orders.delays()
        });
    }

    /// So many bytes a second pass on each connection, those to come too; `None`, the default, is as many as can. At least 1. What the
    /// sender gives beyond it waits, at first on the line, then in the system's buffers, then at the sender.
    pub fn bandwidth(&self, direction: Direction, bytes_a_second: impl Into<Option<u64>>) {
        let rate = bytes_a_second.into().map(|rate| rate.max(1));
        self.stand(direction, Fault::Bandwidth, |orders| {
            let was = std::mem::replace(&mut orders.rate, rate);
            was.is_none() && rate.is_some()
        });
    }

    /// Ends all connections in order: both ends read the end of the stream, wherever in a frame that is. What was on its way is
    /// lost, and what an end still sends is taken and thrown away. An end for which bytes are [held](Line::hold) gets
    /// these and then its end, once they are released.
    pub fn cut(&self) {
        self.each(|connection| connection.cut(Ending::Fin, Some(Fault::Cut)));
    }

    /// Ends all connections by a reset: both ends get an error, and bytes that they have not read yet may be lost. An end for which
    /// bytes are [held](Line::hold) gets these and the end of the stream instead. Between the ends of a
    /// [`pair`](crate::pair) there are no resets: they read the end of the stream.
    pub fn reset(&self) {
        self.each(|connection| connection.cut(Ending::Reset, Some(Fault::Reset)));
    }

    /// [Cuts](Line::cut) each of the connections when exactly so many more bytes have arrived in this direction (with `Both`: in
    /// either): in the middle of a frame, where the number says so. Takes the place of an order of this kind that still waits.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.end_after(direction, bytes, Ending::Fin);
    }

    /// [Resets](Line::reset) each of the connections when exactly so many more bytes have arrived in this direction. Takes the place of
    /// an order of this kind that still waits.
    pub fn reset_after(&self, direction: Direction, bytes: u64) {
        self.end_after(direction, bytes, Ending::Reset);
    }

    fn end_after(&self, direction: Direction, bytes: u64, ending: Ending) {
        // Counted when it happens.
        self.order(direction, None, |orders| {
            orders.cut_at = Some((orders.delivered + bytes, ending));
            true
        });
    }

    /// Ends one direction: its receiver gets what is on its way, then reads the end of the stream, as if the sender had shut its
    /// writing side down. The sender learns nothing: what it sends from now on is taken and thrown away. The other direction goes
    /// on. It cannot be healed.
    pub fn half_close(&self, direction: Direction) {
        self.order(direction, Some(Fault::HalfClose), |orders| {
            !std::mem::replace(&mut orders.half_close, true)
        });
    }

    /// Lets nothing pass, as when a cable is pulled: bytes are neither delivered nor refused, neither end is told, and if one of them
    /// closes its connection, the other does not learn that either. The sender can write until the buffers on the way are full.
    /// New connections pass. After [`heal`](Line::heal) what was sent arrives after all, as TCP would send it again.
    pub fn black_hole(&self, direction: Direction) {
        self.gate(direction, Gate::BlackHole, Fault::BlackHole);
    }

    /// Flips one bit of a byte: of the next one in this direction, after so many others have arrived. Everything else arrives as it
    /// was sent. Takes the place of an order of this kind that still waits.
    pub fn corrupt(&self, direction: Direction, after_bytes: u64) {
        // Counted when it happens.
        self.order(direction, None, |orders| {
            orders.corrupt_at = Some(orders.delivered + after_bytes);
            true
        });
    }

    /// Takes bytes, and delivers none before [`release`](Line::release): 256 KiB at most, then the sender has to wait. Held bytes
    /// outlive a [`cut`](Line::cut) and their sender's close, so they can be made to arrive after those of a later connection:
    /// hold, cut, let the client come again, release.
    pub fn hold(&self, direction: Direction) {
        self.gate(direction, Gate::Hold, Fault::Reorder);
    }

    /// Delivers what is held, and whatever comes.
    pub fn release(&self, direction: Direction) {
        self.order(direction, None, |orders| {
            if orders.gate == Gate::Hold {
                orders.gate = Gate::Open;
            }
            false
        });
    }

    /// Bytes that were taken from senders and not yet delivered, on all connections that are not cut: those that are held, late,
    /// or for which their receiver has no room.
    pub fn on_the_way(&self, direction: Direction) -> usize {
        let all = self.shared.connections();
        let of = |connection: &Arc<Connection>| -> usize {
            let state = connection.lock();
            direction.ways().iter().map(|way| state.ways[*way as usize].on_the_way).sum()
        };
        all.iter().map(of).sum()
    }

    /// Ends all faults, those that wait for their byte included, and stops [`Chaos`]: what is on its way or held arrives, and what
    /// comes arrives at once. Connections that are cut stay cut, and closed directions closed.
    pub fn heal(&self) {
        self.shared.chaos.send_replace(None);
        self.shared.refuse.store(false, Ordering::Relaxed);
        let present = self.shared.standing(|standing| *standing = Default::default());
        present.iter().for_each(|connection| connection.heal());
    }

    /// From now on faults are drawn, for present connections and for those to come, until [`heal`](Line::heal).
    pub fn unleash(&self, chaos: Chaos) {
        self.shared.chaos.send_replace(Some(Arc::new(chaos)));
    }

    /// Connections that are open through the line, those in a black hole included.
    pub fn connections(&self) -> usize {
        self.shared.connections().iter().filter(|connection| connection.is_open()).count()
    }

    /// What was done so far, by fault.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// What [`jitter`](Line::jitter) is drawn from. To be printed by a test that fails, and given to the next one.
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    fn each(&self, order: impl Fn(&Connection)) {
        self.shared.connections().iter().for_each(|connection| order(connection));
    }

    fn order(&self, direction: Direction, fault: Option<Fault>, order: impl Fn(&mut Orders) -> bool) {
        self.each(|connection| connection.order(direction.ways(), fault, &order));
    }

    fn gate(&self, direction: Direction, gate: Gate, fault: Fault) {
        self.order(direction, Some(fault), |orders| std::mem::replace(&mut orders.gate, gate) != gate);
    }

    /// An order for connections to come too. Says whether a direction had no such fault before.
    fn stand(&self, direction: Direction, fault: Fault, order: impl Fn(&mut Orders) -> bool) {
        let present = self.shared.standing(|standing| {
            for way in direction.ways() {
                order(&mut standing[*way as usize]);
            }
        });
        present.iter().for_each(|connection| connection.order(direction.ways(), Some(fault), &order));
    }
}

/// A connection until its end, with whatever is drawn for it.
pub(crate) async fn serve(registered: Registered, near: impl Link, far: impl Link) {
    let connection = &registered.0;
    tokio::select! {
        () = carry(connection.clone(), near, far) => {}
        () = chaos::work(connection) => {}
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("seed", &self.seed())
            .field("connections", &self.connections())
            .field("counts", &self.counts())
            .finish()
    }
}
