//! A client's engine whose servers are the fuzzer: what servers of this protocol say, the same changed, and bytes.

mod lines;
mod says;

use crate::Target;
use crate::input::Input;
use crate::support::blocks::Blocks;
use crate::support::services::{BANK, HALL, OPERA};
use lines::{Line, Told};
use rpc_core::client::{BindingId, CallKey, Client, Config, ConnectionId, NewCall, Outcome, Output, Retry};
use rpc_core::error::Tried;
use rpc_core::frame::Checksum;
use rpc_core::service::{Descriptor, Reply};
use rpc_core::{BindError, Error, Execution, Instant, Metadata, RequestId};
use std::collections::BTreeMap;
use std::time::Duration;

/// The client.
pub const TARGET: Target = Target { name: "client_engine", run, memory: |_| 128 << 20 };

const OPERATIONS_MAX: usize = 120;
const CALLS_MAX: usize = 60;
const MS: Duration = Duration::from_millis(1);
const SERVICES: [&Descriptor; 3] = [&HALL, &BANK, &OPERA];

struct Made {
    key: CallKey,
    deadline: Instant,
    /// It has ended, or its caller wants no end.
    over: bool,
}

struct World {
    now: Instant,
    client: Client,
    bindings: Vec<BindingId>,
    calls: Vec<Made>,
    /// The ends of some of their arguments.
    blocks: Blocks,
    /// Connections that are to be opened, with their addresses.
    dialling: Vec<(ConnectionId, usize)>,
    lines: Vec<Line>,
    told: Told,
    unknown: u64,
    /// Calls that have ended as unknown, with what is known of them for good.
    outcomes: BTreeMap<RequestId, Option<Execution>>,
    /// Servers let everybody in and have every service, until they are told otherwise.
    obliging: bool,
    /// What is written waits until it is taken.
    slow: bool,
    sessions: u64,
    closed: bool,
}

fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::new(&mut input);
    for _ in 0..OPERATIONS_MAX {
        if input.is_empty() {
            break;
        }
        world.operate(&mut input);
        world.settle();
        world.look();
    }
    world.end();
}

fn config(input: &mut Input<'_>) -> Config {
    let mut config = Config { addresses: 1 + usize::from(input.below(3)), ..Config::default() };
    let limits = &mut config.limits;
    limits.slots = input.pick(&[3, 1, 2]);
    limits.message_max = input.pick(&[300_000, 70_000, 0]);
    limits.gathering_max = 0;
    limits.outgoing_max = 0;
    limits.waiting_max = 4;
    limits.metadata_max = 16;
    limits.outcomes_max = input.pick(&[1024, 1]);
    let how = input.byte();
    config.checksum = if how & 1 == 0 { Checksum::Whole } else { Checksum::HeaderOnly };
    config.wait_for_server = if how & 2 == 0 { Duration::ZERO } else { 5000 * MS };
    config.retry = Retry::default().attempts([4, 1, 2, 8][usize::from(how >> 2 & 3)]);
    config.fail_fast = how & 16 == 16;
    config
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let config = config(input);
        let how = input.byte();
        let mut world = Self {
            now: Instant(1_000_000_000),
            client: Client::new(config, 1 + u64::from(how)),
            bindings: Vec::new(),
            calls: Vec::new(),
            blocks: Blocks::default(),
            dialling: Vec::new(),
            lines: Vec::new(),
            told: Told::default(),
            unknown: 0,
            outcomes: BTreeMap::new(),
            obliging: how & 4 == 0,
            slow: false,
            sessions: 1000,
            closed: false,
        };
        world.bindings.push(world.client.bind(world.now, SERVICES[0]));
        world.settle();
        world.obliging &= how & 8 == 8;
        world.slow = how & 2 == 2;
        world
    }

    fn operate(&mut self, input: &mut Input<'_>) {
        match input.below(32) {
            0..=4 => self.start(input),
            5 => self.give_up(input),
            6 => self.bind(input),
            7 | 8 => self.dial(input),
            9 | 10 => self.welcome(input),
            11 => self.bound(input),
            12..=17 => self.reply(input),
            18 => self.more(input),
            19 | 20 => self.any_frame(input),
            21 => self.raw(input),
            22 => self.deliver(input),
            23 => self.pong(input),
            24 => self.take(input),
            25 => self.cut(input),
            26 => self.goes(input),
            27..=29 => self.pass(input),
            30 => self.ask(input),
            _ => self.commands(input),
        }
    }

    fn start(&mut self, input: &mut Input<'_>) {
        if self.calls.len() >= CALLS_MAX {
            return;
        }
        let (what, some) = (input.byte(), u32::from(input.byte()));
        let binding = self.bindings[usize::from(what >> 6) % self.bindings.len()];
        let method = [0, 0, 1, 2, 0, 1, 0, 77][usize::from(what & 7)];
        let size = [3, 0, 9, 70_000, 200_000, 400_000, 5, 64 << 10][usize::from(what >> 3 & 7)];
        let timeout = MS * (some * some / 4);
        let metadata = (some % 16 == 15).then(|| {
            let pairs = [("k", "x".repeat(usize::from(what % 32)))];
            Box::new(pairs.into_iter().collect::<Metadata>())
        });
        let deadline = self.now + timeout;
        let (fail_fast, parted) = (some % 8 == 1, some & 2 == 2);
        let (payload, block) = match parted {
            true => (vec![what; size.min(3)], Some(self.blocks.make(&vec![what; size - size.min(3)]))),
            false => (vec![what; size], None),
        };
        let call = NewCall { binding, method, deadline, timeout, metadata, payload, fail_fast };
        let key = self.client.start_with(self.now, call, block);
        self.calls.push(Made { key, deadline, over: false });
    }

    fn give_up(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        if !self.calls.is_empty() {
            let which = which % self.calls.len();
            let made = &mut self.calls[which];
            made.over = true;
            self.client.give_up(self.now, made.key);
        }
    }

    fn bind(&mut self, input: &mut Input<'_>) {
        let what = input.byte();
        let which = usize::from(what) % self.bindings.len();
        match what >> 6 {
            0 | 1 => {
                let id = self.client.bind(self.now, SERVICES[usize::from(what) % SERVICES.len()]);
                if !self.bindings.contains(&id) {
                    self.bindings.push(id);
                }
            }
            2 => self.client.unbind(self.bindings[which]),
            _ => self.client.hold(self.bindings[which]),
        }
    }

    /// What callers may ask at any time.
    fn ask(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        let binding = self.bindings[which % self.bindings.len()];
        if let Err(error) = self.client.supports(binding, (which % 5) as u16) {
            assert_ne!(error.execution(), Execution::Executed);
        }
        if self.client.is_bound(binding) {
            assert!(self.client.server_address().is_some());
        }
        if let Some(made) = self.calls.iter().rev().nth(which % 8) {
            self.client.request_id_of(made.key);
        }
    }

    fn commands(&mut self, input: &mut Input<'_>) {
        match input.byte() {
            250.. => {
                self.client.close(self.now);
                self.closed = true;
            }
            what if what & 1 == 1 => self.obliging = what & 2 == 2,
            what => self.slow = what & 2 == 2,
        }
    }

    fn pass(&mut self, input: &mut Input<'_>) {
        let some = u32::from(input.byte());
        self.now = match some {
            0 => match self.client.poll_output() {
                Output::Wait(Instant::NEVER) => self.now,
                Output::Wait(until) => self.now.max(until),
                other => panic!("it was drained: {other:?}"),
            },
            some => self.now + MS * some * some,
        };
        self.client.handle_timeout(self.now);
    }

    /// Does all that the engine asks for.
    fn settle(&mut self) {
        for _ in 0..64 {
            let mut busy = self.drain();
            busy |= self.oblige();
            busy |= self.move_bytes();
            if !busy {
                return;
            }
        }
        panic!("the engine never comes to rest");
    }

    fn drain(&mut self) -> bool {
        let (mut busy, mut told) = (false, 0);
        for _ in 0..10_000 {
            match self.client.poll_output() {
                Output::Wait(until) if until > self.now => return busy,
                Output::Wait(_) => {
                    told += 1;
                    assert!(told < 16, "the client wants to be told the time again and again");
                    self.client.handle_timeout(self.now);
                }
                Output::Dial { connection, address, .. } => self.dialling.push((connection, address)),
                Output::Close(connection) => self.closes(connection),
                Output::Bound(id, _) => assert!(self.bindings.contains(&id) || self.bindings.is_empty()),
                Output::Ended(key) => {
                    let result = self.client.take(key).expect("it has ended");
                    self.ended(key, result.map_err(|error| *error));
                }
                Output::Settled(id) => {
                    let outcome = self.client.outcome(self.now, id);
                    assert!(!matches!(outcome, Outcome::Pending), "{id} is settled and pending");
                }
            }
            busy = true;
        }
        panic!("the client never comes to rest");
    }

    fn ended(&mut self, key: CallKey, result: Result<Reply, Error>) {
        // Keys are unique: they are compared whole.
        let made = self.calls.iter_mut().find(|made| made.key == key).expect("a call that was made");
        assert!(!made.over, "{key:?} ends again, or was given up");
        made.over = true;
        match result {
            Ok(reply) => {
                let id = reply.request_id.expect("a reply is that of a request");
                self.told.result(id);
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                if error.execution() == Execution::Unknown {
                    self.unknown += 1;
                    self.outcomes.extend(error.request_id().map(|id| (id, None)));
                } else if let Some(id) = error.request_id() {
                    self.told.verdict(id, error.execution(), &error);
                }
            }
        }
    }

    /// What must hold at any time.
    fn look(&mut self) {
        for made in &self.calls {
            assert!(made.over || made.deadline > self.now, "{:?} outlives its deadline", made.key);
        }
        assert_eq!(self.client.stats().unknown, self.unknown);
        for (id, known) in &mut self.outcomes {
            let outcome = self.client.outcome(self.now, *id);
            if matches!(outcome, Outcome::Pending | Outcome::Unknown { .. }) {
                continue;
            }
            let said = outcome.execution();
            assert!(known.is_none_or(|known| known == said), "what became of {id} changes");
            *known = Some(said);
        }
        let open = self.lines.iter().filter(|line| line.is_open()).count() + self.dialling.len();
        assert!(open <= 64, "{open} connections");
    }

    /// The channel is closed: then nothing is left.
    fn end(&mut self) {
        self.slow = false;
        self.client.close(self.now);
        self.closed = true;
        self.settle();
        self.look();
        assert!(self.calls.iter().all(|made| made.over), "a call outlives its channel");
        assert_eq!((self.client.slots_in_use(), self.client.calls_len()), (0, 0));
        assert_eq!(self.blocks.held(), 0, "arguments outlive their channel");
        assert!(self.lines.iter().all(|line| !line.is_open()), "a connection outlives its channel");
        // Deadlines of calls that have ended may still be waited for.
        for _ in 0..CALLS_MAX {
            let Output::Wait(until) = self.client.poll_output() else { panic!("it was drained") };
            if until == Instant::NEVER {
                break;
            }
            self.now = until;
            self.settle();
        }
        assert!(matches!(self.client.poll_output(), Output::Wait(Instant::NEVER)), "it never comes to rest");
        let before = self.calls.len();
        self.start(&mut Input::new(&[0, 200]));
        self.settle();
        assert!(self.calls[before..].iter().all(|made| made.over), "a call of a closed channel waits");
    }

    fn unreachable() -> BindError {
        let (address, error) = ("hall:7000".to_owned(), "refused".to_owned());
        BindError::Unreachable { tried: vec![Tried { address, error, after: Duration::ZERO }], attempts: 1 }
    }
}
