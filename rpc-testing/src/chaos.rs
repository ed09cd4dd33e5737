//! Faults drawn from a seed.

use crate::connection::{Connection, State};
use crate::counts::Fault;
use crate::direction::{Direction, Way};
use crate::orders::{Ending, Gate, Orders, Trouble};
use crate::replay;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::future::pending;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Refusals are drawn from streams of their own, away from those of the other faults.
const REFUSALS: u64 = 1 << 62;

/// A mixture of faults that are drawn from a seed, connection by connection: for each one, how long all goes well, what goes wrong
/// then, and for how long.
///
/// The same seed draws the same faults for a line's first, second, third connection; which bytes they hit depends on how fast the
/// processes run. Every fault is [counted](crate::Counts).
///
/// ```
/// # use rpc_testing::{Chaos, Fault};
/// use std::time::Duration;
///
/// let chaos = Chaos::seeded(7).weight(Fault::Cut, 3).weight(Fault::Delay, 0).calm(Duration::ZERO..Duration::from_secs(1));
/// println!("seed {}", chaos.seed());
/// ```
#[derive(Clone, Debug)]
pub struct Chaos {
    seed: u64,
    weights: [u32; Fault::ALL.len()],
    bytes: Range<u64>,
    calm: Range<Duration>,
    lasts: Range<Duration>,
}

impl Chaos {
    /// Every kind of fault has weight 1, except for [`Fault::Replay`], which has 0: a connection that is repeated from its first byte
    /// looks to most servers like a client that does the same things again, and is served.
    pub fn seeded(seed: u64) -> Chaos {
        let mut chaos = Chaos::quiet(seed);
        chaos.weights = [1; Fault::ALL.len()];
        chaos.weight(Fault::Replay, 0)
    }

    /// Every kind of fault has weight 0: to be followed by those that are wanted.
    pub fn quiet(seed: u64) -> Chaos {
        let millis = |from, to| Duration::from_millis(from)..Duration::from_millis(to);
        let weights = [0; Fault::ALL.len()];
        Chaos { seed, weights, bytes: 0..8_000, calm: millis(20, 300), lasts: millis(20, 400) }
    }

    /// How often a fault is drawn, in relation to the others; 0 is never.
    ///
    /// On a [line inside a process](crate::pair) some do less: what would be a [`Fault::Reset`] is an end of the stream there, and counts
    /// as a reset; [`Fault::Replay`] and [`Fault::Refusal`] do nothing, and are not counted.
    pub fn weight(mut self, fault: Fault, weight: u32) -> Chaos {
        self.weights[fault as usize] = weight;
        self
    }

    /// The next fault comes after so many bytes in one of the directions, if the [time](Chaos::calm) is not over before. Default:
    /// up to 8,000, each direction with a number of its own.
    pub fn bytes(mut self, bytes: Range<u64>) -> Chaos {
        self.bytes = bytes;
        self
    }

    /// The next fault comes after this time, if not so many [bytes](Chaos::bytes) have passed before. Default: 20 to 300 ms.
    pub fn calm(mut self, time: Range<Duration>) -> Chaos {
        self.calm = time;
        self
    }

    /// How long what does not end a connection lasts: delays, slowness, black holes, bytes that are held. Default: 20 to 400 ms.
    pub fn lasts(mut self, time: Range<Duration>) -> Chaos {
        self.lasts = time;
        self
    }

    /// What it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    fn dice(&self, stream: u64) -> Dice<'_> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(stream);
        Dice { chaos: self, random }
    }

    /// Whether this connection is refused.
    pub(crate) fn refuses(&self, connection: u64) -> bool {
        self.dice(REFUSALS | connection).fault(&self.weights) == Some(Fault::Refusal)
    }
}

/// What befalls a connection next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fate {
    fault: Option<Fault>,
    direction: Direction,
    /// It comes after so many bytes to the server, so many to the client, or so much time.
    bytes: [u64; 2],
    calm: Duration,
    lasts: Duration,
    /// The connection is cut when it is over.
    last: bool,
    rate: u64,
}

/// Draws the fates of one connection, one after the other.
struct Dice<'a> {
    chaos: &'a Chaos,
    random: ChaCha8Rng,
}

impl Dice<'_> {
    fn fate(&mut self) -> Fate {
        // It is over when the connection is made.
        let mut weights = self.chaos.weights;
        weights[Fault::Refusal as usize] = 0;
        let directions = [Direction::ToServer, Direction::ToClient, Direction::Both];
        Fate {
            fault: self.fault(&weights),
            direction: directions[self.below(3) as usize],
            bytes: [self.within(&self.chaos.bytes), self.within(&self.chaos.bytes)],
            calm: self.time(&self.chaos.calm),
            lasts: self.time(&self.chaos.lasts),
            last: self.below(2) == 1,
            rate: 4_000 + self.below(60_000),
        }
    }

    fn fault(&mut self, weights: &[u32]) -> Option<Fault> {
        let all: u64 = weights.iter().copied().map(u64::from).sum();
        let mut drawn = self.below(all);
        Fault::ALL.into_iter().zip(weights).find_map(|(fault, weight)| {
            let weight = u64::from(*weight);
            let hit = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            hit.then_some(fault)
        })
    }

    fn time(&mut self, range: &Range<Duration>) -> Duration {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.within(&(micros(range.start)..micros(range.end))))
    }

    fn within(&mut self, range: &Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// 0 if there is nothing below.
    fn below(&mut self, most: u64) -> u64 {
        self.random.next_u64().checked_rem(most).unwrap_or(0)
    }
}

/// Draws faults for a connection whenever the line is to have some. Does not return.
pub(crate) async fn work(connection: &Connection) {
    let mut orders = connection.shared.chaos.subscribe();
    loop {
        let chaos = orders.borrow_and_update().clone();
        let befall = async {
            match chaos {
                Some(chaos) => Striker { connection, chaos }.work().await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = orders.changed() => {
                if changed.is_err() {
                    return pending().await;
                }
            }
            () = befall => {}
        }
        // Broken off: what was going on is over.
        connection.change(None, |state| {
            for orders in &mut state.ways {
                (orders.stop_at, orders.drawn) = (None, Trouble::default());
            }
            false
        });
    }
}

/// Does to one connection what was drawn for it.
struct Striker<'a> {
    connection: &'a Connection,
    chaos: Arc<Chaos>,
}

impl Striker<'_> {
    async fn work(&self) {
        let mut dice = self.chaos.dice(self.connection.number);
        loop {
            let fate = dice.fate();
            let Some(fault) = fate.fault else { return pending().await };
            self.strike(None, |state| {
                for (orders, bytes) in state.ways.iter_mut().zip(fate.bytes) {
                    orders.stop_at = Some(orders.delivered.saturating_add(bytes));
                }
                false
            });
            // Nothing is to be done if the time is over first.
            let _ = timeout(fate.calm, self.connection.has_stopped()).await;
            self.befall(fault, &fate).await;
        }
    }

    /// Carries one fault out, for as long as it lasts.
    async fn befall(&self, fault: Fault, fate: &Fate) {
        let ways = fate.direction.ways();
        match fault {
            Fault::Cut => self.end(Ending::Fin, Some(fault)),
            Fault::Reset => self.end(Ending::Reset, Some(fault)),
            Fault::Corruption => self.order(&ways[..1], None, |orders| {
                // What is scripted comes where it was ordered.
                orders.corrupt_at.get_or_insert(orders.delivered);
            }),
            Fault::Replay => _ = replay::latest(&self.connection.shared),
            Fault::HalfClose => {
                self.order(&ways[..1], Some(fault), |orders| orders.half_close = true);
                self.go_on(fate.lasts).await;
                self.end(Ending::Fin, None);
            }
            Fault::Delay => {
                self.order(ways, Some(fault), |orders| orders.drawn.delay = fate.lasts / 4);
                self.go_on(fate.lasts).await;
            }
            Fault::Bandwidth => {
                self.order(ways, Some(fault), |orders| orders.drawn.rate = Some(fate.rate));
                self.go_on(fate.lasts).await;
            }
            Fault::BlackHole => {
                self.order(ways, Some(fault), |orders| orders.drawn.gate = Gate::BlackHole);
                self.go_on(fate.lasts).await;
                if fate.last {
                    self.end(Ending::Fin, None);
                }
            }
            Fault::Reorder => {
                self.order(&[Way::ToServer], Some(fault), |orders| orders.drawn.gate = Gate::Hold);
                // What is sent meanwhile is late too.
                self.go_on(fate.lasts / 20).await;
                self.end(Ending::Fin, None);
                self.go_on(fate.lasts).await;
            }
            // Drawn when the connection is made.
            Fault::Refusal => {}
        }
        self.order(Direction::Both.ways(), None, |orders| orders.drawn = Trouble::default());
    }

    /// Lets bytes pass where they were stopped for the fault, and waits.
    async fn go_on(&self, time: Duration) {
        self.order(Direction::Both.ways(), None, |orders| orders.stop_at = None);
        sleep(time).await;
    }

    fn order(&self, ways: &[Way], fault: Option<Fault>, order: impl Fn(&mut Orders)) {
        self.strike(fault, |state| {
            ways.iter().for_each(|way| order(&mut state.ways[*way as usize]));
            true
        });
    }

    fn end(&self, ending: Ending, fault: Option<Fault>) {
        self.strike(fault, |state| state.end(ending));
    }

    /// Whoever heals a line says first that nothing is drawn any more, then takes each connection's lock. So what is drawn
    /// meanwhile is either healed, or not done.
    fn strike(&self, fault: Option<Fault>, change: impl FnOnce(&mut State) -> bool) {
        self.connection.change(fault, |state| {
            let now = self.connection.shared.chaos.borrow();
            now.as_ref().is_some_and(|now| Arc::ptr_eq(now, &self.chaos)) && change(state)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair;

    fn fates(chaos: &Chaos, connection: u64) -> Vec<Fate> {
        let mut dice = chaos.dice(connection);
        (0..200).map(|_| dice.fate()).collect()
    }

    #[test]
    fn a_seed_and_a_connection_name_their_faults() {
        let (one, other) = (Chaos::seeded(1), Chaos::seeded(2));
        assert_eq!(fates(&one, 1), fates(&one, 1));
        assert_ne!(fates(&one, 1), fates(&one, 2));
        assert_ne!(fates(&one, 1), fates(&other, 1));
    }

    #[test]
    fn every_fault_with_a_weight_is_drawn_and_no_other() {
        let chaos = Chaos::seeded(1).weight(Fault::Delay, 0);
        let drawn = fates(&chaos, 0);
        for fault in Fault::ALL {
            let wanted = ![Fault::Delay, Fault::Replay, Fault::Refusal].contains(&fault);
            assert_eq!(drawn.iter().any(|fate| fate.fault == Some(fault)), wanted, "{fault}");
        }
        let refused = (0..1000).filter(|connection| chaos.refuses(*connection)).count();
        assert!((60..200).contains(&refused), "{refused} of 1000");
    }

    #[tokio::test]
    async fn a_corruption_that_is_drawn_leaves_a_scripted_one_where_it_is() {
        let (_client, _server, line) = pair();
        // Nothing is drawn but what the test carries out.
        line.unleash(Chaos::quiet(1));
        let chaos = line.shared.chaos.borrow().clone().unwrap();
        let fate = Fate { direction: Direction::ToServer, ..chaos.dice(0).fate() };
        let connection = line.shared.connections().remove(0);
        let striker = Striker { connection: &connection, chaos };
        let corrupt_at = || connection.lock().ways[Way::ToServer as usize].corrupt_at;

        line.corrupt(Direction::ToServer, 5);
        striker.befall(Fault::Corruption, &fate).await;
        assert_eq!(corrupt_at(), Some(5));
        connection.heal();
        striker.befall(Fault::Corruption, &fate).await;
        assert_eq!(corrupt_at(), Some(0), "where none waits");
    }

    #[test]
    fn a_mixture_of_nothing_draws_nothing() {
        let chaos = Chaos::quiet(1).bytes(5..5).lasts(Duration::ZERO..Duration::ZERO);
        assert!(fates(&chaos, 0).iter().all(|fate| fate.fault.is_none() && fate.bytes == [5, 5]));
        assert!(!chaos.refuses(0));
    }
}
