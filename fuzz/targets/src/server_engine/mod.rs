//! A server's engines under anything that clients may do, on several connections of several sessions: what clients of this
//! protocol send, the same changed, and bytes.

mod journal;
mod lines;
mod sends;

use crate::Target;
use crate::input::Input;
use crate::support::blocks::Blocks;
use crate::support::services::HALL;
use journal::Journal;
use lines::{Line, Place};
use rpc_core::error::ProtocolError;
use rpc_core::frame::Checksum;
use rpc_core::server::{Begin, Completion, Config, Endpoint, Execute, Output, Session};
use rpc_core::service::Verdict;
use rpc_core::{Code, Incarnation, Instant, SessionId, SlotId, Token};
use std::collections::BTreeMap;
use std::time::Duration;

/// The server.
pub const TARGET: Target = Target { name: "server_engine", run, memory: |_| 128 << 20 };

const OPERATIONS_MAX: usize = 120;
const MS: Duration = Duration::from_millis(1);

/// A handler that the driver was told of.
struct Handler {
    session: SessionId,
    at: SlotId,
    idempotent: bool,
    deadline: Instant,
    payload: Vec<u8>,
    /// It was entered.
    runs: bool,
    /// It was to be dropped, which takes its time.
    stale: bool,
}

struct World {
    now: Instant,
    config: Config,
    endpoint: Endpoint,
    sessions: BTreeMap<SessionId, Box<Session>>,
    /// Sessions that were opened, with their tokens.
    opened: Vec<(SessionId, Token)>,
    lines: Vec<Line>,
    handlers: Vec<Handler>,
    /// The ends of some of their results.
    blocks: Blocks,
    journal: Journal,
    /// Handlers start as soon as the driver is told of them.
    eager: bool,
    /// Clients take what is written for them only now and then.
    slow: bool,
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
    let mut config = Config::default();
    let limits = &mut config.limits;
    limits.slots = input.pick(&[3, 1, 2, 1 << 20]);
    limits.lease = input.pick(&[Duration::from_secs(600), 2000 * MS, Duration::ZERO]);
    limits.message_max = input.pick(&[100_000, 0, 1 << 20]);
    limits.gathering_max = input.pick(&[0, 300_000]);
    let kept = input.byte();
    limits.replies_max = [16 << 20, 0, 40, 70_000][usize::from(kept % 4)];
    limits.replies_all_max = [256 << 20, 0, 100_000][usize::from(kept / 4 % 3)];
    limits.backlog_max = 0;
    limits.metadata_max = 16;
    limits.sessions_max = 3;
    limits.sessions_per_peer = 2;
    limits.connections_max = 6;
    limits.connections_per_peer = 5;
    let few = input.byte();
    limits.executing_max = [16, 1, 2, 3][usize::from(few & 3)];
    limits.executing_per_peer = [16, 1, 2, 2][usize::from(few >> 2 & 3)];
    limits.queued_max = [64, 1, 3, 64][usize::from(few >> 4 & 3)];
    limits.queued_per_peer = [64, 1, 2, 64][usize::from(few >> 6)];
    limits.bytes_max = [1 << 30, 0][usize::from(kept >> 4 & 1)];
    limits.bytes_per_peer = [1 << 30, 0][usize::from(kept >> 5 & 1)];
    config.checksum = if kept & 128 == 0 { Checksum::Whole } else { Checksum::HeaderOnly };
    config
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let config = config(input);
        let how = input.byte();
        let mut world = Self {
            now: Instant(1_000_000_000),
            endpoint: Endpoint::new(config.clone(), Incarnation(1), vec![&HALL]),
            config,
            sessions: BTreeMap::new(),
            opened: Vec::new(),
            lines: Vec::new(),
            handlers: Vec::new(),
            blocks: Blocks::default(),
            journal: Journal::default(),
            eager: how & 1 == 0,
            slow: how & 2 == 2,
        };
        let limits = &world.config.limits;
        let room = limits.replies_max.min(limits.replies_all_max);
        world.journal.roomy = room > OPERATIONS_MAX * (limits.message_max + (8 << 10));
        // Most inputs have more to say about sessions than about how they begin.
        if how & 4 == 0 {
            world.open_bound();
        }
        world
    }

    fn operate(&mut self, input: &mut Input<'_>) {
        match input.below(32) {
            0..=2 => self.hello(input),
            3..=9 => self.request(input),
            10 | 11 => self.cancel(input),
            12 => self.bind(input),
            13 | 14 => self.large(input),
            15 | 16 => self.any_frame(input),
            17 => self.raw(input),
            18 => self.deliver(input),
            19 => self.pong(input),
            20 => self.take(input),
            21 => self.cut(input),
            22..=24 => self.begin(input),
            25..=28 => self.complete(input),
            29 | 30 => self.pass(input),
            _ => self.go(input),
        }
    }

    /// The turn of a handler has come.
    fn begin(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        let waiting: Vec<usize> = (0..self.handlers.len()).filter(|at| !self.handlers[*at].runs).collect();
        if !waiting.is_empty() {
            self.begin_one(waiting[which % waiting.len()]);
        }
    }

    fn begin_one(&mut self, which: usize) {
        let Handler { session: id, at, idempotent, deadline, .. } = self.handlers[which];
        let begin = match self.sessions.get_mut(&id) {
            Some(session) => {
                let over = session.is_over();
                let begin = session.begin(self.now, at);
                let begun = begin == Begin::Now;
                assert!(!over || begin == Begin::Never, "{at:?} starts after the end of its session");
                assert!(!begun || deadline > self.now, "{at:?} starts after its deadline");
                begin
            }
            None => Begin::Never,
        };
        match begin {
            Begin::Now => {
                self.journal.enter((id, at), idempotent, &self.handlers[which].payload);
                self.handlers[which].runs = true;
            }
            // It asks again when another one has ended.
            Begin::Later { .. } => {}
            Begin::Never => drop(self.handlers.remove(which)),
        }
    }

    /// A handler ends.
    fn complete(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        let how = input.byte();
        let running: Vec<usize> = (0..self.handlers.len()).filter(|at| self.handlers[*at].runs).collect();
        if running.is_empty() {
            return;
        }
        self.complete_one(running[which % running.len()], how);
    }

    fn complete_one(&mut self, which: usize, how: u8) {
        let Handler { session: id, at, idempotent, stale, .. } = self.handlers.remove(which);
        let size = [5, 0, 30, 60_000, 90_000, 1 << 20][usize::from(how / 8 % 6)];
        let payload = vec![at.sequence as u8; size];
        let completion = match how % 8 {
            1 => self.blocks.completion(Verdict::Ok, &payload, 4),
            3 => self.blocks.completion(Verdict::Application, &payload, 4),
            4 => Completion::Application(payload),
            5 | 6 => Completion::Failed {
                code: Code::Internal,
                message: "?".repeat(size.min(5000)),
                hops: Vec::new(),
            },
            7 if !stale => {
                self.journal.not_entered((id, at), idempotent);
                Completion::NotStarted { code: Code::InvalidArgument, reason: "?".to_owned() }
            }
            _ => Completion::Ok(payload),
        };
        // A handler that is dropped late may not end for another one of its number.
        let again = |handler: &Handler| handler.runs && (handler.session, handler.at) == (id, at);
        if !(stale && self.handlers.iter().any(again))
            && let Some(session) = self.sessions.get_mut(&id)
        {
            session.complete(self.now, at, completion);
        }
    }

    /// Time goes on.
    fn pass(&mut self, input: &mut Input<'_>) {
        let some = u32::from(input.byte());
        match some {
            0 => {
                let next = self.next();
                self.now = if next == Instant::NEVER { self.now } else { self.now.max(next) };
            }
            some => self.now = self.now + MS * some * some,
        }
        self.tick();
    }

    fn next(&mut self) -> Instant {
        let waits = self.sessions.values_mut().map(|session| match session.poll_output() {
            Output::Wait(until) => until,
            other => panic!("it was drained: {other:?}"),
        });
        waits.min().unwrap_or(Instant::NEVER)
    }

    fn tick(&mut self) {
        for session in self.sessions.values_mut() {
            session.handle_timeout(self.now);
        }
        self.time_out_handshakes();
    }

    /// The server is about to go, or ends a session.
    fn go(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        let now = self.now;
        if which >= 224 {
            self.endpoint.drain();
            return self.sessions.values_mut().for_each(|session| session.drain(now, "a restart"));
        }
        let many = self.sessions.len().max(1);
        if let Some(session) = self.sessions.values_mut().nth(which % many) {
            match which & 64 {
                0 => session.drain(now, "?"),
                _ => session.close(now, "?"),
            }
        }
    }

    /// Does all that the engines ask for.
    fn settle(&mut self) {
        for _ in 0..64 {
            let mut busy = false;
            let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
            for id in ids {
                busy |= self.drain(id);
            }
            busy |= self.move_bytes();
            self.bury();
            if !busy {
                return;
            }
        }
        panic!("the engines never come to rest");
    }

    fn drain(&mut self, id: SessionId) -> bool {
        let mut busy = false;
        // Being told the time once may not be enough, many times is too much.
        let mut told = 0;
        for _ in 0..100_000 {
            let Some(session) = self.sessions.get_mut(&id) else { return busy };
            match session.poll_output() {
                Output::Wait(until) if until > self.now => return busy,
                Output::Wait(_) => {
                    told += 1;
                    assert!(told < 8, "the session wants to be told the time again and again");
                    session.handle_timeout(self.now);
                }
                Output::Execute(execute) => self.execute(execute),
                Output::Stop { at, drop } => self.stop(id, at, drop),
                Output::Close(lane, error) => {
                    if let Some(ProtocolError::Misuse { slot, sequence }) = error {
                        self.journal.misused((id, SlotId { slot, sequence }));
                    }
                    self.closes(id, lane);
                }
            }
            busy = true;
        }
        panic!("the session never comes to rest");
    }

    fn execute(&mut self, execute: Execute) {
        assert!(usize::from(execute.method) < HALL.methods.len());
        let Execute { request_id, idempotent, deadline, payload, .. } = execute;
        let (session, at) = (request_id.session, request_id.at);
        self.handlers.push(Handler { session, at, idempotent, deadline, payload, runs: false, stale: false });
        if self.eager {
            self.begin_one(self.handlers.len() - 1);
        }
    }

    fn stop(&mut self, session: SessionId, at: SlotId, drop: bool) {
        let runs = |handler: &Handler| handler.runs && !handler.stale;
        let this = |handler: &Handler| runs(handler) && (handler.session, handler.at) == (session, at);
        let found = self.handlers.iter().position(this).expect("a handler that does not run is stopped");
        assert_eq!(self.handlers[found].idempotent, drop, "{at:?}");
        self.handlers[found].stale = drop;
    }

    /// Sessions that are over, once their last words are written.
    fn bury(&mut self) {
        let attached: Vec<SessionId> = self.lines.iter().filter_map(Line::session).collect();
        let (endpoint, handlers) = (&mut self.endpoint, &self.handlers);
        self.sessions.retain(|id, session| {
            let over = session.is_over() && !attached.contains(id);
            if over {
                endpoint.handle_session_over(session);
            }
            // What it has left behind still runs.
            !over || handlers.iter().any(|handler| handler.session == *id)
        });
    }

    /// What must hold at any time.
    fn look(&mut self) {
        let limits = &self.config.limits;
        let mut kept = 0;
        for (id, session) in &self.sessions {
            let of = self.handlers.iter().filter(|handler| handler.session == *id);
            let runs = of.filter(|handler| handler.runs && !handler.stale);
            assert_eq!(session.executing(), runs.count(), "handlers of {id}");
            assert!(session.executing() <= limits.slots as usize);
            assert!(session.replies_kept() <= limits.replies_max);
            kept += session.replies_kept();
        }
        assert!(self.endpoint.replies_kept() <= limits.replies_all_max);
        assert!(kept <= self.endpoint.replies_kept(), "more is kept than was taken");
        let known = self.sessions.keys().filter(|id| self.endpoint.knows(**id)).count();
        assert!(known <= limits.sessions_max);
        let open = self.lines.iter().filter(|line| !matches!(line.place, Place::Closed)).count();
        let stats = self.endpoint.stats();
        assert_eq!(stats.connections, open as u64);
        let runs = self.handlers.iter().filter(|handler| handler.runs && !handler.stale).count();
        assert!(runs as u64 <= stats.executing && stats.executing <= limits.executing_max as u64);
        // Beside those that may wait, as many are taken in as may run.
        let all = self.handlers.iter().filter(|handler| !handler.stale).count();
        let admitted = stats.executing + stats.queued;
        assert!(all as u64 <= admitted && admitted <= (limits.executing_max + limits.queued_max) as u64);
    }

    /// All handlers have their turn and come to an end: then everybody has an answer.
    fn answer_all(&mut self) {
        (self.eager, self.slow) = (true, false);
        self.settle();
        for _ in 0..300 {
            for which in (0..self.handlers.len()).rev() {
                if !self.handlers[which].runs {
                    self.begin_one(which);
                }
            }
            while let Some(which) = self.handlers.iter().position(|handler| handler.runs) {
                self.complete_one(which, 0);
            }
            // What was not read for want of room is read now.
            self.settle();
        }
        assert!(self.handlers.is_empty());
        self.look();
        self.look_for_answers();
    }

    /// Everybody goes: then nothing is left.
    fn end(&mut self) {
        self.answer_all();
        for line in 0..self.lines.len() {
            self.cut_line(line);
        }
        self.settle();
        for _ in 0..64 {
            self.now = self.now + self.config.limits.lease / 8 + MS;
            self.tick();
            self.settle();
        }
        self.look();
        assert!(self.sessions.is_empty(), "a session outlives its lease");
        assert!(self.opened.iter().all(|(id, _)| !self.endpoint.knows(*id)));
        assert_eq!(self.blocks.held(), 0, "results outlive their sessions");
        let stats = self.endpoint.stats();
        assert_eq!((stats.connections, stats.sessions, self.endpoint.replies_kept()), (0, 0, 0));
        assert_eq!(
            (stats.executing, stats.queued, stats.bytes_held),
            (0, 0, 0),
            "peers keep what nobody uses"
        );
    }
}
