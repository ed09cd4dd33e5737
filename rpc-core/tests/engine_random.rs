//! Whatever happens to the wire: a call ends once and in time, an at-most-once call runs once at most, and nothing of it is held
//! when all is over.

mod support;

use proptest::prelude::*;
use rpc_core::client::CallKey;
use rpc_core::frame::Kind;
use rpc_core::server::Completion;
use rpc_core::service::Verdict;
use rpc_core::{Execution, Instant, SlotId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::blocks::Blocks;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND};

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    Start {
        method: u16,
        size: Size,
        /// Its last bytes are not copied.
        block: bool,
        timeout: u16,
    },
    GiveUp(usize),
    Complete {
        which: usize,
        how: u8,
    },
    Advance(u16),
    Latency(u8),
    /// Handlers do not end by themselves.
    Hold,
    /// They end at once, with what they were given.
    Echo {
        block: bool,
    },
    /// Handlers wait for their turn from now on, or no longer.
    Queue(bool),
    Begin,
    Block {
        up: bool,
        on: bool,
    },
    BlackHole {
        up: bool,
    },
    Cut,
    CutAfter {
        up: bool,
        bytes: u32,
    },
    Garbage {
        up: bool,
    },
    Replay(usize),
    Unreachable(bool),
    Restart,
    Drain,
    Panic,
    /// The client loses its connection, and the server does not notice: what is written from `Stall` on comes late.
    Stall,
    Forsake,
    ArriveLate(usize),
}

/// Of the arguments of a call.
#[derive(Clone, Copy, Debug)]
enum Size {
    Tiny,
    /// Fits into one frame.
    Middle,
    Large,
}

impl Size {
    fn bytes(self) -> usize {
        match self {
            Size::Tiny => 4,
            Size::Middle => 9 << 10,
            Size::Large => 300 << 10,
        }
    }
}

fn start() -> impl Strategy<Value = Event> {
    let size = prop_oneof![8 => Just(Size::Tiny), 1 => Just(Size::Middle), 1 => Just(Size::Large)];
    (0..2u16, size, any::<bool>(), 1..4000u16).prop_map(|(method, size, block, timeout)| Event::Start {
        method,
        size,
        block,
        timeout,
    })
}

fn calm() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => start(),
        1 => any::<usize>().prop_map(Event::GiveUp),
        4 => (any::<usize>(), 0..7u8).prop_map(|(which, how)| Event::Complete { which, how }),
        3 => (0..2000u16).prop_map(Event::Advance),
        1 => (0..100u8).prop_map(Event::Latency),
        1 => prop_oneof![Just(Event::Hold), any::<bool>().prop_map(|block| Event::Echo { block })],
        1 => any::<bool>().prop_map(Event::Queue),
        2 => Just(Event::Begin),
    ]
}

/// One kind of fault, by number: a run may meet some of them only, for a mixture of all hides what few do.
fn fault(kind: u8) -> BoxedStrategy<Event> {
    match kind {
        0 => (any::<bool>(), any::<bool>()).prop_map(|(up, on)| Event::Block { up, on }).boxed(),
        1 => any::<bool>().prop_map(|up| Event::BlackHole { up }).boxed(),
        2 => Just(Event::Cut).boxed(),
        3 => (any::<bool>(), 0..200_000u32).prop_map(|(up, bytes)| Event::CutAfter { up, bytes }).boxed(),
        4 => any::<bool>().prop_map(|up| Event::Garbage { up }).boxed(),
        5 => any::<usize>().prop_map(Event::Replay).boxed(),
        6 => any::<bool>().prop_map(Event::Unreachable).boxed(),
        7 => Just(Event::Restart).boxed(),
        8 => Just(Event::Drain).boxed(),
        9 => {
            prop_oneof![Just(Event::Stall), Just(Event::Forsake), any::<usize>().prop_map(Event::ArriveLate),]
                .boxed()
        }
        _ => Just(Event::Panic).boxed(),
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(0..11u8, 0..5).prop_flat_map(|kinds| {
        let faults: Vec<_> = kinds.into_iter().map(fault).collect();
        let any = match faults.is_empty() {
            true => calm().boxed(),
            false => prop_oneof![4 => calm(), 1 => prop::strategy::Union::new(faults)].boxed(),
        };
        prop::collection::vec(any, 1..60)
    })
}

struct Made {
    key: CallKey,
    number: u32,
    method: u16,
    size: Size,
    deadline: Instant,
    given_up: bool,
}

/// The arguments of a call, and its result if it has one: its number, and bytes of which no two chunks are alike.
fn arguments(number: u32, size: Size) -> Vec<u8> {
    let mut payload: Vec<u8> =
        (0..size.bytes() as u32).map(|n| (n ^ (n >> 8) ^ (n >> 16) ^ number) as u8).collect();
    payload[..4].copy_from_slice(&number.to_le_bytes());
    payload
}

/// What stands before a block.
const HEAD: usize = 4;

struct World {
    pair: Pair,
    hall: rpc_core::client::BindingId,
    calls: Vec<Made>,
    /// Blocks of arguments, and of results.
    asked: Blocks,
    answered: Blocks,
    /// Numbers that came again.
    repeated: BTreeSet<SlotId>,
}

impl World {
    fn new() -> Self {
        let mut server = rpc_core::server::Config::default();
        server.limits.slots = 3;
        let mut pair = Pair::with(Default::default(), server, vec![&HALL]);
        let hall = pair.bind(&HALL);
        Self {
            pair,
            hall,
            calls: Vec::new(),
            asked: Blocks::default(),
            answered: Blocks::default(),
            repeated: BTreeSet::new(),
        }
    }

    fn start(&mut self, method: u16, size: Size, block: bool, timeout: u16) {
        let number = self.calls.len() as u32;
        let payload = arguments(number, size);
        let timeout = MS * u32::from(timeout);
        let deadline = self.pair.now + timeout;
        let key = match block {
            true => self.asked.start(&mut self.pair, (self.hall, method), &payload, HEAD, timeout),
            false => self.pair.start_within(self.hall, method, &payload, timeout),
        };
        self.calls.push(Made { key, number, method, size, deadline, given_up: false });
    }

    fn echo(&mut self, block: bool) {
        let answered = self.answered.clone();
        self.pair.handler = Box::new(move |execute| {
            Some(match block {
                true => answered.completion(Verdict::Ok, &execute.payload, HEAD),
                false => Completion::Ok(execute.payload.clone()),
            })
        });
    }

    fn complete(&mut self, which: usize, how: u8) {
        if self.pair.executed.is_empty() {
            return;
        }
        let execute = &self.pair.executed[which % self.pair.executed.len()].execute;
        let (id, payload) = (execute.request_id, execute.payload.clone());
        let completion = match how {
            0 => Completion::Application(payload),
            1 => Pair::panicked("?"),
            2 => self.answered.completion(Verdict::Ok, &payload, HEAD),
            3 => self.answered.completion(Verdict::Application, &payload, HEAD),
            _ => Completion::Ok(payload),
        };
        self.pair.complete_in(id.session, id.at, completion);
    }

    fn happen(&mut self, event: Event) {
        let pair = &mut self.pair;
        match event {
            Event::Start { method, size, block, timeout } => self.start(method, size, block, timeout),
            Event::Complete { which, how } => self.complete(which, how),
            Event::GiveUp(which) => {
                if !self.calls.is_empty() {
                    let which = which % self.calls.len();
                    let made = &mut self.calls[which];
                    made.given_up |= !pair.has_ended(made.key);
                    pair.give_up(made.key);
                }
            }
            Event::Advance(by) => pair.run_for(MS * u32::from(by)),
            Event::Latency(latency) => pair.latency = MS * u32::from(latency),
            Event::Hold => pair.hold(),
            Event::Echo { block } => self.echo(block),
            Event::Queue(on) => pair.queueing = on,
            Event::Begin => drop(pair.begin()),
            Event::Block { up: true, on } => pair.wire().up.blocked = on,
            Event::Block { up: false, on } => pair.wire().down.blocked = on,
            Event::BlackHole { up: true } => pair.wire().up.black_hole = true,
            Event::BlackHole { up: false } => pair.wire().down.black_hole = true,
            Event::Cut => pair.cut(),
            Event::CutAfter { up, bytes } => {
                let wire = pair.wire();
                let pipe = if up { &mut wire.up } else { &mut wire.down };
                pipe.cut_at = Some(pipe.sent.len() + bytes as usize);
            }
            Event::Garbage { up: true } => pair.inject_up(&[0xee; 40]),
            Event::Garbage { up: false } => pair.inject_down(&[0xee; 40]),
            Event::Replay(which) => {
                // Of a large one, its beginning alone.
                let requests = of_kind(&pair.wire().up.sent, Kind::Request);
                if !requests.is_empty() {
                    let again = &requests[which % requests.len()];
                    self.repeated.insert(request(again).id);
                    pair.inject_up(again);
                }
            }
            Event::Unreachable(on) => pair.unreachable = on,
            Event::Restart => pair.restart(Default::default(), vec![&HALL]),
            Event::Drain => {
                let now = pair.now;
                if let Some(session) = pair.session_if_any() {
                    session.drain(now, "");
                }
            }
            Event::Panic => pair.handler = Box::new(|_| Some(Pair::panicked("?"))),
            Event::Stall => pair.wire().up.stalled = true,
            Event::Forsake => drop(pair.forsake()),
            Event::ArriveLate(which) => {
                let numbers: Vec<u32> = pair.wires.keys().copied().collect();
                pair.arrive_late(numbers[which % numbers.len()]);
            }
        }
        self.pair.pump();
    }

    /// All faults end, and time goes on.
    fn heal(&mut self) {
        let pair = &mut self.pair;
        (pair.unreachable, pair.latency, pair.queueing) = (false, MS, false);
        pair.echo();
        pair.begin();
        for wire in pair.wires.values_mut() {
            (wire.up.blocked, wire.down.blocked, wire.up.stalled) = (false, false, false);
        }
        for which in 0..pair.executed.len() {
            self.complete(which, 4);
        }
        self.pair.run_for(60 * SECOND);
    }

    /// The client goes, and the sessions that were left end: then nothing of any call is left.
    fn end(&mut self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.asked.held(), 0, "bytes of arguments are held though all calls have ended");
        let kept: usize = self.pair.sessions.values().map(|session| session.replies_kept()).sum();
        prop_assert!(self.answered.held() <= kept, "more bytes of results are held than are counted");
        prop_assert_eq!((self.pair.client.calls_len(), self.pair.client.slots_in_use()), (0, 0));
        let now = self.pair.now;
        self.pair.client.close(now);
        self.pair.run_for(rpc_core::Limits::default().lease + SECOND);
        prop_assert!(self.pair.sessions.is_empty(), "a session outlives its lease");
        prop_assert_eq!(self.answered.held(), 0, "bytes of results are held by nobody's session");
        let stats = self.pair.endpoint.stats();
        let held = (stats.executing, stats.queued, stats.bytes_held, self.pair.endpoint.replies_kept());
        prop_assert_eq!(held, (0, 0, 0, 0));
        Ok(())
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let mut runs: BTreeMap<u32, usize> = BTreeMap::new();
        let mut seen: BTreeMap<(u64, u32, u64), usize> = BTreeMap::new();
        for executed in &self.pair.executed {
            let execute = &executed.execute;
            let number = execute.payload.first_chunk().expect("a number");
            let number = u32::from_le_bytes(*number);
            *runs.entry(number).or_default() += 1;
            let made = &self.calls[number as usize];
            let sent = arguments(number, made.size);
            prop_assert!(execute.payload == sent, "call {number} starts with other bytes than were sent");
            if !execute.idempotent {
                let id = execute.request_id;
                let times = seen.entry((id.session.0, id.at.slot, id.at.sequence)).or_default();
                *times += 1;
                prop_assert_eq!(*times, 1, "{:?} was executed again", id);
            }
            // Behind a pong the same frame means a later deadline.
            let starts_in_time = executed.when < made.deadline + MS || self.repeated.contains(&execute.at);
            prop_assert!(starts_in_time, "call {} starts after its deadline", made.number);
        }
        let calls = std::mem::take(&mut self.calls);
        for made in &calls {
            self.check_call(made, runs.get(&made.number).copied().unwrap_or_default())?;
        }
        self.calls = calls;
        let unknown =
            self.pair.ended.iter().filter(
                |(.., result)| matches!(result, Err(error) if error.execution() == Execution::Unknown),
            );
        prop_assert_eq!(self.pair.client.stats().unknown, unknown.count() as u64);
        prop_assert_eq!(self.pair.client.stats().calls, self.calls.len() as u64);
        prop_assert_eq!(self.pair.server_stats().calls, self.pair.executed.len() as u64);
        Ok(())
    }

    fn check_call(&mut self, made: &Made, runs: usize) -> Result<(), TestCaseError> {
        let number = made.number;
        let ends: Vec<_> = self.pair.ended.iter().filter(|(key, ..)| *key == made.key).collect();
        prop_assert_eq!(ends.len(), usize::from(!made.given_up), "ends of call {}", number);
        prop_assert!(made.method == FREE || runs <= 1, "call {} ran {} times", number, runs);
        let Some((_, when, result)) = ends.first() else { return Ok(()) };
        prop_assert!(*when <= made.deadline, "call {} ends late", number);
        match result {
            Ok(reply) => {
                prop_assert!(runs >= 1, "call {} has a result and never ran", number);
                let right = reply.payload.as_slice() == arguments(number, made.size);
                prop_assert!(right, "call {number} has another result than its own");
            }
            Err(error) => match error.execution() {
                Execution::NotExecuted => prop_assert_eq!(runs, 0, "call {} ran: {}", number, error),
                Execution::Executed => prop_assert!(runs >= 1, "call {} never ran: {}", number, error),
                _ if made.method == SELL => {
                    let id = error.request_id();
                    let outcome = id.map(|id| self.pair.client.outcome(self.pair.now, id).execution());
                    match outcome {
                        Some(Execution::NotExecuted) => prop_assert_eq!(runs, 0, "call {} ran", number),
                        Some(Execution::Executed) => prop_assert_eq!(runs, 1, "call {} never ran", number),
                        _ => {}
                    }
                }
                _ => {}
            },
        }
        Ok(())
    }
}

fn config(cases: u32) -> ProptestConfig {
    // The failing input itself is printed, shrunk; a file of seeds would only make runs differ.
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::default() }
}

fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(config(cases(400)))]

    #[test]
    fn calls_end_once_and_in_time_and_run_once_at_most_whatever_happens(events in events()) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
        }
        world.heal();
        world.check()?;
        // And the channel is as good as new.
        let hall = world.hall;
        prop_assert!(world.pair.call(hall, SELL, b"more").is_ok());
        world.end()?;
    }

    #[test]
    fn a_conversation_may_be_cut_at_any_byte(up in any::<bool>(), at in 0usize..140_000, large in any::<bool>(), block in any::<bool>()) {
        let mut world = World::new();
        let wire = world.pair.wire();
        let pipe = if up { &mut wire.up } else { &mut wire.down };
        let at = if large { at } else { at % 700 };
        pipe.cut_at = Some(pipe.sent.len() + at);
        for n in 0..8 {
            let size = if large && n == 3 { Size::Large } else { Size::Tiny };
            world.start(n % 2, size, block, 3000);
        }
        world.heal();
        world.check()?;
        world.end()?;
    }

    #[test]
    fn the_pieces_in_which_bytes_arrive_make_no_difference(up in 1usize..5000, down in 1usize..5000) {
        let talk = |pieces: Option<(usize, usize)>| {
            let mut pair = Pair::new();
            let hall = pair.bind(&HALL);
            if let Some((up, down)) = pieces {
                pair.wire().up.piece = Some(up);
                pair.wire().down.piece = Some(down);
            }
            let sizes = [0, 1, 100, 70_000, 5, 200_000, 64, 9000, 100_000];
            let blocks = Blocks::default();
            let keys: Vec<_> = sizes.iter().enumerate().map(|(at, size)| match at {
                0..7 => pair.start(hall, SELL, &vec![7; *size]),
                _ => blocks.start(&mut pair, (hall, SELL), &vec![7; *size], HEAD, 10 * SECOND),
            }).collect();
            let ends: Vec<_> = keys.into_iter().map(|key| pair.end_of(key).map(|reply| reply.payload)).collect();
            let mut executed: Vec<_> = pair.executed.into_iter().map(|e| (e.execute.at, e.execute.payload)).collect();
            executed.sort();
            (ends, executed)
        };
        prop_assert!(talk(Some((up, down))) == talk(None));
    }
}

#[test]
fn every_call_ends_though_the_server_never_says_a_word_again() {
    let mut world = World::new();
    world.pair.wire().down.black_hole = true;
    world.pair.raw = true;
    for n in 0..20 {
        let size = if n == 7 { Size::Large } else { Size::Tiny };
        world.start(n % 2, size, false, 500 + 100 * n);
    }
    world.pair.run_for(Duration::from_secs(10));
    world.check().expect("all ended");
}
