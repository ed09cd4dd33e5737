//! The world: its time, its hosts, what happens next.

use crate::checks::Violation;
use crate::client_host::ClientHost;
use crate::coverage::{Coverage, Fault};
use crate::decisions::{Decisions, For};
use crate::journal::{Journal, SessionKey};
use crate::network::{Wire, WireId};
use crate::plan::Plan;
use crate::queue::{Event, Queue};
use crate::server_host::{Run, ServerHost};
use crate::trace::{Host, Trace, tell};
use rpc_core::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A run that needs more events than this does not come to rest.
const EVENTS_MAX: u64 = 5_000_000;

/// Everything there is.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) decisions: Decisions,
    pub(crate) now: Instant,
    pub(crate) queue: Queue,
    pub(crate) clients: Vec<ClientHost>,
    pub(crate) servers: Vec<ServerHost>,
    pub(crate) wires: BTreeMap<WireId, Wire>,
    pub(crate) wires_made: u32,
    pub(crate) incarnations: u64,
    pub(crate) runs: Vec<Run>,
    pub(crate) journal: Journal,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    pub(crate) violations: Vec<Violation>,
    /// Calls that are still to be made.
    pub(crate) to_call: u32,
    /// Nothing goes wrong any more.
    pub(crate) healed: bool,
    /// Sessions whose numbers were used for something else.
    pub(crate) forged: BTreeSet<SessionKey>,
    /// Captured frames come again.
    pub(crate) replays: bool,
    /// Ways between a client and a server on which nothing arrives before a time: what is written up, what is written down.
    pub(crate) partitions: BTreeMap<(usize, usize), [Instant; 2]>,
    /// Sessions in which handlers may take until then: a copy of their request is late.
    pub(crate) dozing: BTreeMap<SessionKey, Instant>,
    /// Until when a client's dials to a server are refused.
    pub(crate) walls: BTreeMap<(usize, usize), Instant>,
    /// Processes that stopped when there was nobody left to wait for, by server and incarnation.
    pub(crate) left_in_peace: BTreeSet<(usize, u64)>,
}

impl World {
    pub(crate) fn new(mut decisions: Decisions, calls: u32, lines: bool) -> Self {
        let plan = Plan::draw(&mut decisions);
        let mut world = Self {
            decisions,
            now: Instant(0),
            queue: Queue::default(),
            clients: Vec::new(),
            servers: Vec::new(),
            wires: BTreeMap::new(),
            wires_made: 0,
            incarnations: 0,
            runs: Vec::new(),
            journal: Journal::default(),
            coverage: Coverage::default(),
            trace: Trace::new(lines),
            violations: Vec::new(),
            to_call: calls,
            healed: false,
            forged: BTreeSet::new(),
            replays: false,
            partitions: BTreeMap::new(),
            dozing: BTreeMap::new(),
            walls: BTreeMap::new(),
            left_in_peace: BTreeSet::new(),
            plan,
        };
        tell!(world, Host::World, "{:#?}", world.plan);
        for server in 0..world.plan.servers {
            world.add_server(server);
        }
        for client in 0..world.plan.clients {
            world.add_client(client);
        }
        world.queue.push(Instant(0), Event::Load);
        world.plan_fault();
        world
    }

    /// The whole run: the load under faults, then the healing, then what can be checked only at the end.
    pub(crate) fn run(&mut self) {
        while self.to_call > 0 && self.step(Instant::NEVER) {}
        self.heal();
        self.finish();
    }

    /// Lets time go on to the next event, which happens. `false`: there is none before `until`, or something is wrong.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        if !self.violations.is_empty() {
            return false;
        }
        if self.queue.next().is_none_or(|next| next > until) {
            return false;
        }
        let Some((when, event)) = self.queue.pop() else { return false };
        self.now = when;
        if self.trace.events() > EVENTS_MAX {
            self.violate("time-goes-on", format!("{EVENTS_MAX} events and no rest, now {event:?}"));
            return false;
        }
        self.happen(event);
        true
    }

    /// Lets everything happen up to a time.
    pub(crate) fn run_until(&mut self, until: Instant) {
        while self.step(until) {}
        if self.violations.is_empty() {
            self.now = self.now.max(until);
        }
    }

    fn happen(&mut self, event: Event) {
        // A host that stands still finds everything when it goes on.
        if let Some(until) = self.paused(&event).filter(|until| *until > self.now) {
            self.queue.push(until, event);
            return;
        }
        self.trace.event(self.now, 1, 0);
        match event {
            Event::Load => self.load(),
            Event::Drop { tag } => self.drop_future(tag),
            Event::ClientTimer(client) => self.client_timer(client),
            Event::ClientTurn(client) => self.client_turn(client),
            Event::Dialled { client, connection, server, how } => {
                self.dialled(client, connection, server, how);
            }
            Event::Arrival(wire, way) => self.arrive(wire, way),
            Event::Begin(run) => self.begin(run),
            Event::Finish(run) => self.complete(run),
            Event::SessionTimer { server, incarnation, session } => {
                self.session_timer(server, incarnation, session);
            }
            Event::HandshakeTimer(wire) => self.handshake_timer(wire),
            Event::Drained { server, incarnation, end } => self.drained(server, incarnation, end),
            Event::Start(server) => self.start_process(server),
            Event::Fault => self.fault(),
            Event::Noticed(wire, way) => self.noticed(wire, way),
        }
    }

    /// Until when the host stands still at which the event happens.
    fn paused(&self, event: &Event) -> Option<Instant> {
        let client = |number: &usize| Some(self.clients[*number].paused);
        let server = |number: &usize| Some(self.servers[*number].paused);
        let wire = |wire: &WireId| self.wires.get(wire);
        match event {
            Event::Load | Event::Fault | Event::Drained { .. } | Event::Start(_) => None,
            Event::Drop { tag } => client(&self.journal.calls.get(*tag as usize)?.client),
            Event::ClientTimer(number) | Event::ClientTurn(number) => client(number),
            Event::Dialled { client: number, .. } => client(number),
            Event::Arrival(id, crate::network::Way::Up) | Event::HandshakeTimer(id) => {
                server(&wire(id)?.server)
            }
            Event::Arrival(id, crate::network::Way::Down) => client(&wire(id)?.client),
            Event::Begin(run) | Event::Finish(run) => server(&self.runs.get(*run)?.key.server),
            Event::SessionTimer { server: number, .. } => server(number),
            Event::Noticed(id, crate::network::Way::Up) => server(&wire(id)?.server),
            Event::Noticed(id, crate::network::Way::Down) => client(&wire(id)?.client),
        }
    }

    /// Something that must not be.
    pub(crate) fn violate(&mut self, check: &'static str, what: String) {
        tell!(self, Host::World, "VIOLATION of {check}: {what}");
        self.violations.push(Violation { check, what, at: self.now });
    }

    /// How late a timer fires.
    pub(crate) fn slack(&mut self) -> Duration {
        let most = self.plan.timer_slack.as_micros() as u64;
        if most == 0 {
            return Duration::ZERO;
        }
        Duration::from_micros(self.decisions.below(For::Network, most + 1))
    }

    /// Everything that was broken works again: only what is late is still late.
    fn heal(&mut self) {
        self.healed = true;
        tell!(self, Host::World, "everything is healed");
        self.partitions.clear();
        self.walls.clear();
        for number in 0..self.servers.len() {
            if self.servers[number].process.is_none() {
                self.start_process(number);
            }
        }
    }

    /// Whether a kind of fault may happen now.
    pub(crate) fn may(&self, fault: Fault) -> bool {
        !self.healed && self.plan.has(fault)
    }
}
