//! The two engines against each other, over lines that do anything: calls end once and in time, run at most once, and what their
//! callers are told is true.

use crate::Target;
use crate::input::Input;
use crate::support::blocks::Blocks;
use crate::support::services::{FREE, HALL, SELL};
use crate::support::wire::{of_kind, request};
use crate::support::{MS, Pair, SECOND};
use rpc_core::client::{self, BindingId, CallKey, NewCall, Outcome, Retry};
use rpc_core::frame::{Checksum, Kind};
use rpc_core::server::Completion;
use rpc_core::service::Verdict;
use rpc_core::{Code, Execution, Instant, RequestId, SlotId, server};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// Engines in a world.
pub const TARGET: Target = Target { name: "engines", run, memory: |_| 256 << 20 };

/// More are not needed to reach anything.
const EVENTS_MAX: usize = 100;
const CALLS_MAX: usize = 60;

/// The number of a call, which stands before its block if it has one.
const HEAD: usize = 4;

/// From this length on handlers answer with blocks.
const BLOCK: usize = 9 << 10;

struct Made {
    key: CallKey,
    method: u16,
    arguments: Vec<u8>,
    deadline: Instant,
    given_up: bool,
}

struct World {
    pair: Pair,
    hall: BindingId,
    calls: Vec<Made>,
    server: server::Config,
    servers: usize,
    /// The ends of some arguments, and of some results.
    asked: Blocks,
    answered: Blocks,
    /// What ran and ended at once.
    echoed: Rc<RefCell<BTreeSet<RequestId>>>,
    /// Of the handlers that were told to start, by number: those that have ended.
    done: BTreeSet<usize>,
    /// And those that were never entered after all.
    not_entered: BTreeSet<usize>,
    /// What was said of calls that ended as unknown, where that is final.
    settled: BTreeMap<RequestId, Execution>,
}

fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::new(&mut input);
    for _ in 0..EVENTS_MAX {
        if input.is_empty() {
            break;
        }
        world.happen(&mut input);
        world.look();
    }
    world.heal();
    world.check();
    world.serves();
    world.close();
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let servers = 1 + usize::from(input.once_in(4));
        let mut server = server::Config::default();
        server.limits.slots = input.pick(&[3, 1, 2, 64]);
        server.limits.lease = input.pick(&[Duration::from_secs(600), 2 * SECOND, Duration::ZERO]);
        server.limits.replies_max = input.pick(&[16 << 20, 0, 300]);
        server.limits.message_max = input.pick(&[16 << 20, 150 << 10]);
        let checksum = input.pick(&[Checksum::Whole, Checksum::HeaderOnly]);
        server.checksum = checksum;
        let retry = Retry::default().attempts(input.pick(&[4, 1, 2]));
        let mut client = client::Config { addresses: servers, checksum, retry, ..client::Config::default() };
        client.limits.outgoing_max = 64 << 10;
        client.limits.outcomes_max = input.pick(&[1024, 1]);
        let mut pair = Pair::with(client, server.clone(), vec![&HALL]);
        if servers > 1 {
            pair.serve_at(1, server.clone());
        }
        let hall = pair.bind(&HALL);
        let mut world = Self {
            pair,
            hall,
            calls: Vec::new(),
            server,
            servers,
            asked: Blocks::default(),
            answered: Blocks::default(),
            echoed: Rc::default(),
            done: BTreeSet::new(),
            not_entered: BTreeSet::new(),
            settled: BTreeMap::new(),
        };
        world.echo();
        world
    }

    /// Handlers end at once from now on.
    fn echo(&mut self) {
        let (echoed, answered) = (self.echoed.clone(), self.answered.clone());
        self.pair.handler = Box::new(move |execute| {
            echoed.borrow_mut().insert(execute.request_id);
            Some(match execute.payload.len() {
                BLOCK.. => answered.completion(Verdict::Ok, &execute.payload, HEAD),
                _ => Completion::Ok(execute.payload.clone()),
            })
        });
    }

    fn happen(&mut self, input: &mut Input<'_>) {
        let what = input.below(32);
        let pair = &mut self.pair;
        match what {
            0..=5 => self.start(input),
            6 => self.give_up(input),
            7..=10 => self.complete(input),
            11..=13 => {
                let some = u32::from(input.byte());
                pair.run_for(MS * some * some / 8);
            }
            14 => pair.latency = MS * u32::from(input.byte()),
            15 => match input.flag() {
                true => pair.hold(),
                false => self.echo(),
            },
            16 => pair.queueing = input.flag(),
            17 | 18 => self.begin(),
            19 => self.line(input),
            20 => pair.cut(),
            21 => self.cut_after(input),
            22 => {
                let garbage = input.block();
                match input.flag() {
                    true => pair.inject_up(garbage),
                    false => pair.inject_down(garbage),
                }
            }
            23 => self.copy(input),
            24 => pair.unreachable = input.flag(),
            25 => self.restart(input),
            26 => self.drain(input),
            27 => drop(pair.forsake()),
            28 | 29 => {
                let numbers: Vec<u32> = pair.wires.keys().copied().collect();
                pair.arrive_late(input.pick(&numbers));
            }
            30 => pair.wire().up.stalled = true,
            _ => pair.dead = if input.flag() { vec![usize::from(input.below(2))] } else { Vec::new() },
        }
        self.pair.pump();
    }

    fn start(&mut self, input: &mut Input<'_>) {
        if self.calls.len() >= CALLS_MAX {
            return;
        }
        let what = input.byte();
        let method = if what & 3 == 3 { FREE } else { SELL };
        let size = match what >> 2 & 15 {
            13 => BLOCK,
            14 => 70_000,
            15 => 300 << 10,
            size => 4 + usize::from(size),
        };
        let number = self.calls.len() as u32;
        let mut payload = vec![what; size];
        payload[..4].copy_from_slice(&number.to_le_bytes());
        let some = u32::from(input.byte());
        let timeout = MS * (1 + some * some / 4);
        let deadline = self.pair.now + timeout;
        let arguments = payload.clone();
        let key = match what >> 6 {
            2 => self.asked.start(&mut self.pair, (self.hall, method), &payload, HEAD, timeout),
            how => {
                let (binding, fail_fast) = (self.hall, how == 3);
                let call = NewCall { binding, method, deadline, timeout, metadata: None, payload, fail_fast };
                let key = self.pair.client.start(self.pair.now, call);
                self.pair.pump();
                key
            }
        };
        self.calls.push(Made { key, method, arguments, deadline, given_up: false });
    }

    fn give_up(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        if !self.calls.is_empty() {
            let which = which % self.calls.len();
            let made = &mut self.calls[which];
            made.given_up |= !self.pair.has_ended(made.key);
            self.pair.give_up(made.key);
        }
    }

    fn begin(&mut self) {
        self.pair.begin();
    }

    /// One of the handlers that were started last ends.
    fn complete(&mut self, input: &mut Input<'_>) {
        let (back, how) = (usize::from(input.byte()), input.below(6));
        if !self.pair.executed.is_empty() {
            let last = self.pair.executed.len() - 1;
            self.complete_one(last - back % self.pair.executed.len(), how);
        }
    }

    fn complete_one(&mut self, which: usize, how: u8) {
        let execute = &self.pair.executed[which].execute;
        let (id, mut payload) = (execute.request_id, execute.payload.clone());
        let completion = match how {
            1 => Completion::Application(payload),
            2 => Pair::panicked("?"),
            3 if !self.done.contains(&which) && !self.echoed.borrow().contains(&id) => {
                self.not_entered.insert(which);
                Completion::NotStarted { code: Code::InvalidArgument, reason: "?".to_owned() }
            }
            4 => {
                payload.resize(100 << 10, 7);
                Completion::Ok(payload)
            }
            5 => self.answered.completion(Verdict::Application, &payload, HEAD),
            _ => Completion::Ok(payload),
        };
        self.done.insert(which);
        self.pair.complete_in(id.session, id.at, completion);
    }

    /// Something about the newest line.
    fn line(&mut self, input: &mut Input<'_>) {
        let (up, how, size) = (input.flag(), input.below(5), usize::from(input.u16()));
        let wire = self.pair.wire();
        let pipe = if up { &mut wire.up } else { &mut wire.down };
        match how {
            0 => pipe.blocked = true,
            1 => pipe.blocked = false,
            2 => pipe.black_hole = true,
            3 => pipe.vanish(),
            _ => pipe.piece = Some(1 + size),
        }
    }

    fn cut_after(&mut self, input: &mut Input<'_>) {
        let (up, many, after) = (input.flag(), input.flag(), input.u16());
        let wire = self.pair.wire();
        let pipe = if up { &mut wire.up } else { &mut wire.down };
        let after = usize::from(if many { after } else { after % 256 });
        // A line on which nobody has said anything has no place to be cut at.
        pipe.cut_at = (!pipe.sent.is_empty()).then_some(pipe.sent.len() + after);
    }

    /// A request whose handler has ended comes again on the newest line: of any other, a copy that nobody has sent might run. Of a
    /// large one its beginning comes.
    fn copy(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        let newest = self.pair.newest();
        let Some(session) = self.pair.session_if_any().map(|session| session.id()) else { return };
        let ran: Vec<SlotId> = (0..self.pair.executed.len())
            .filter(|which| !self.not_entered.contains(which))
            .map(|which| (self.done.contains(&which), &self.pair.executed[which].execute))
            .filter(|(done, execute)| *done || self.echoed.borrow().contains(&execute.request_id))
            .map(|(_, execute)| execute)
            .filter(|execute| execute.request_id.session == session && !execute.idempotent)
            .map(|execute| execute.at)
            .collect();
        let sent = match self.server.checksum {
            Checksum::Whole => of_kind(&self.pair.wires[&newest].up.sent, Kind::Request),
            Checksum::HeaderOnly => return,
        };
        let copies: Vec<&Vec<u8>> = sent.iter().filter(|frame| ran.contains(&request(frame).id)).collect();
        if !copies.is_empty() {
            let copy = copies[which % copies.len()].clone();
            self.pair.inject_up(&copy);
        }
    }

    fn restart(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        match self.servers {
            1 => self.pair.restart(self.server.clone(), vec![&HALL]),
            servers => self.pair.restart_at(which % servers),
        }
    }

    /// A server says that it goes. It may be replaced later.
    fn drain(&mut self, input: &mut Input<'_>) {
        let address = usize::from(input.byte()) % self.servers;
        let now = self.pair.now;
        self.pair.endpoint_at(address).drain();
        let sessions: Vec<_> = self.pair.sessions.keys().copied().collect();
        for id in sessions {
            if self.pair.home(id) == address
                && let Some(session) = self.pair.sessions.get_mut(&id)
            {
                session.drain(now, "?");
            }
        }
    }

    /// What must hold at any time.
    fn look(&mut self) {
        for which in 0..self.pair.ended.len() {
            let (.., Err(error)) = &self.pair.ended[which] else { continue };
            if error.execution() != Execution::Unknown {
                continue;
            }
            let Some(id) = error.request_id() else { continue };
            let outcome = self.pair.client.outcome(self.pair.now, id);
            let said = outcome.execution();
            match self.settled.get(&id) {
                _ if matches!(outcome, Outcome::Pending | Outcome::Unknown { .. }) => {}
                Some(before) => assert_eq!(*before, said, "what became of a call changes"),
                None => drop(self.settled.insert(id, said)),
            }
        }
        let limits = &self.server.limits;
        for session in self.pair.sessions.values() {
            assert!(
                session.replies_kept() <= limits.replies_max.max(if self.servers > 1 { 16 << 20 } else { 0 })
            );
        }
    }

    /// All faults end, and time goes on.
    fn heal(&mut self) {
        let pair = &mut self.pair;
        (pair.unreachable, pair.latency, pair.queueing) = (false, MS, false);
        pair.dead.clear();
        self.echo();
        let pair = &mut self.pair;
        pair.begin();
        for wire in pair.wires.values_mut() {
            (wire.up.blocked, wire.down.blocked, wire.up.stalled) = (false, false, false);
            (wire.up.piece, wire.down.piece) = (None, None);
        }
        for which in 0..pair.executed.len() {
            if !self.done.contains(&which) {
                self.complete_one(which, 0);
            }
        }
        self.pair.run_for(120 * SECOND);
        self.look();
        assert_eq!(self.pair.client.slots_in_use(), 0, "nobody calls, and a slot is in use");
    }

    fn check(&mut self) {
        let mut runs: BTreeMap<u32, usize> = BTreeMap::new();
        let mut seen: BTreeSet<(u64, SlotId)> = BTreeSet::new();
        for (which, executed) in self.pair.executed.iter().enumerate() {
            let execute = &executed.execute;
            let number = u32::from_le_bytes(*execute.payload.first_chunk().expect("a number"));
            let made = &self.calls[number as usize];
            assert!(execute.payload == made.arguments, "call {number} starts with other bytes");
            assert!(executed.when < made.deadline + MS, "call {number} starts after its deadline");
            assert_eq!(execute.idempotent, made.method == FREE);
            if self.not_entered.contains(&which) {
                continue;
            }
            *runs.entry(number).or_default() += 1;
            let first = seen.insert((execute.request_id.session.0, execute.at));
            assert!(execute.idempotent || first, "{} is executed again", execute.request_id);
        }
        for number in 0..self.calls.len() {
            let runs = runs.get(&(number as u32)).copied().unwrap_or_default();
            self.check_call(number, runs);
        }
        let unknown = |(.., result): &&(_, _, Result<_, rpc_core::Error>)| matches!(result, Err(error) if error.execution() == Execution::Unknown);
        let unknown = self.pair.ended.iter().filter(unknown).count();
        assert_eq!(self.pair.client.stats().unknown, unknown as u64);
        assert_eq!(self.pair.client.stats().calls, self.calls.len() as u64);
    }

    fn check_call(&self, number: usize, runs: usize) {
        let made = &self.calls[number];
        let ends: Vec<_> = self.pair.ended.iter().filter(|(key, ..)| *key == made.key).collect();
        assert_eq!(ends.len(), usize::from(!made.given_up), "ends of call {number}");
        assert!(made.method == FREE || runs <= 1, "call {number} ran {runs} times");
        let Some((_, when, result)) = ends.first() else { return };
        assert!(*when <= made.deadline, "call {number} ends late");
        let error = match result {
            Ok(reply) => {
                assert!(runs >= 1, "call {number} has a result and never ran");
                // Some results are longer than the arguments, or cut off.
                let (said, given) = (reply.payload.as_slice(), &made.arguments);
                let most = said.len().min(given.len());
                assert!(most >= HEAD && said[..most] == given[..most], "call {number} has another result");
                return;
            }
            Err(error) => error,
        };
        let settled = error.request_id().and_then(|id| self.settled.get(&id)).copied();
        match (error.execution(), settled) {
            (Execution::NotExecuted, _) => assert_eq!(runs, 0, "call {number} ran: {error}"),
            (Execution::Executed, _) => assert!(runs >= 1, "call {number} never ran: {error}"),
            (_, Some(Execution::NotExecuted)) => assert_eq!(runs, 0, "call {number} was settled: {error}"),
            (_, Some(Execution::Executed)) => assert!(runs >= 1, "call {number} was settled: {error}"),
            _ => {}
        }
    }

    /// The channel is as good as new, at a server that is not about to go.
    fn serves(&mut self) {
        for address in 0..self.servers {
            match self.servers {
                1 => self.pair.restart(self.server.clone(), vec![&HALL]),
                _ => self.pair.restart_at(address),
            }
        }
        let end = self.pair.call(self.hall, SELL, &[255; 4]);
        assert!(end.is_ok(), "{end:?}");
    }

    /// After its end nothing is left.
    fn close(&mut self) {
        let now = self.pair.now;
        let key = self.pair.start(self.hall, SELL, &[255; 4]);
        self.pair.client.close(now);
        self.pair.pump();
        self.pair.run_for(SECOND);
        assert!(self.pair.has_ended(key));
        assert_eq!((self.pair.client.slots_in_use(), self.pair.client.calls_len()), (0, 0));
        assert_eq!(self.asked.held(), 0, "arguments outlive their channel");
        let kept: usize = self.pair.sessions.values().map(|session| session.replies_kept()).sum();
        assert!(self.answered.held() <= kept, "more bytes of results are held than are counted");
    }
}
