//! Faults: now and then one of the kinds that the run may meet hits something.

use crate::clock::TRUE_RATE;
use crate::coverage::{Fault, Row};
use crate::decisions::For;
use crate::hall;
use crate::journal::SessionKey;
use crate::network::{Ending, ServerEnd, Way, Wire, WireId};
use crate::queue::Event;
use crate::server_host::{Run, RunState};
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::frame::{self, Cancel, Checksum, Request};
use rpc_core::server::Lane;
use rpc_core::{Instant, SlotId};
use std::time::Duration;

impl World {
    /// Sets the time of the next fault.
    pub(crate) fn plan_fault(&mut self) {
        let mean = self.plan.fault_every.as_micros() as u64;
        let gap = self.decisions.between(For::Faults, mean / 4, mean * 7 / 4);
        self.queue.push(self.now + Duration::from_micros(gap), Event::Fault);
    }

    /// Something goes wrong, perhaps.
    pub(crate) fn fault(&mut self) {
        if self.healed || self.plan.faults.is_empty() {
            return;
        }
        // A zero is no fault.
        let number = self.decisions.below(For::Faults, self.plan.faults.len() as u64 + 1);
        if let Some(fault) = number.checked_sub(1).and_then(|number| self.plan.faults.get(number as usize)) {
            self.happens(*fault);
        }
        self.plan_fault();
    }

    fn happens(&mut self, fault: Fault) {
        match fault {
            Fault::Cut => self.cut(),
            Fault::HalfOpen => self.half_open(),
            Fault::Late => self.late(),
            Fault::BlackHole => self.black_hole(),
            Fault::Partition => self.partition(true),
            Fault::OneWay => self.partition(false),
            Fault::Corruption => self.corrupt(),
            Fault::Duplicate => self.duplicate(),
            Fault::Forgery => self.forge(),
            Fault::Crash => self.crash(),
            Fault::Drain => self.drain(),
            Fault::Pause => self.pause(),
            Fault::Clock => self.clock(),
            Fault::Full => self.full(),
            // These happen to dials, calls and handlers.
            Fault::Refused
            | Fault::Hanging
            | Fault::Slow
            | Fault::Elsewhere
            | Fault::Panic
            | Fault::SlowHandler
            | Fault::Queue
            | Fault::NotStarted
            | Fault::Dropped
            | Fault::Forgetful
            | Fault::Crowded
            | Fault::NoPlace => {}
        }
    }

    /// A connection that is open at both ends.
    fn some_wire(&mut self) -> Option<WireId> {
        let open = |wire: &Wire| wire.client_open && wire.server_open();
        let all: Vec<WireId> = self.wires.iter().filter(|(_, wire)| open(wire)).map(|(id, _)| *id).collect();
        (!all.is_empty()).then(|| self.decisions.pick(For::Faults, &all))
    }

    fn some_way(&mut self) -> Way {
        self.decisions.pick(For::Faults, &[Way::Up, Way::Down])
    }

    /// A time from a millisecond to about twice a lease, the short ones more often.
    pub(crate) fn some_time(&mut self) -> Duration {
        let lease = self.plan.lease.as_micros() as u64;
        let most = self.decisions.pick(For::Faults, &[10_000, 200_000, lease, 2 * lease]);
        Duration::from_micros(self.decisions.between(For::Faults, 1000, most.max(1001)))
    }

    /// Both ends notice; what is on its way is lost from some byte on.
    fn cut(&mut self) {
        if let Some(id) = self.some_wire() {
            self.cut_wire(id);
        }
    }

    fn cut_wire(&mut self, id: WireId) {
        for way in [Way::Up, Way::Down] {
            let Some(wire) = self.wires.get_mut(&id) else { return };
            let pipe = wire.pipe(way);
            let bytes = pipe.bytes() as u64;
            let left = self.decisions.below(For::Faults, bytes + 1);
            pipe.truncate((bytes - left) as usize);
            self.write_end(id, way, Ending::Reset);
        }
        tell!(self, Host::World, "{id} is cut");
        self.coverage.hit(Fault::Cut);
    }

    /// One end notices, the other does not.
    fn half_open(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let way = self.some_way();
        tell!(self, Host::World, "{id} is broken, which shows at its end {way:?} only");
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.up.vanish();
        wire.down.vanish();
        self.queue.push(self.now, Event::Noticed(id, way));
        self.coverage.hit(Fault::HalfOpen);
    }

    /// The client gives up, now or soon; what it has written arrives, perhaps beyond the lease.
    fn late(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let (late, soon) = (self.some_time(), self.some_time());
        let until = self.now + late;
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.up.stall(until);
        wire.down.vanish();
        self.queue.push(until, Event::Arrival(id, Way::Up));
        // The client has some time to write more.
        let (client, server, session) = (wire.client, wire.server, wire.session);
        let noticed = self.now + soon.min(Duration::from_millis(30));
        self.queue.push(noticed, Event::Noticed(id, Way::Down));
        tell!(self, Host::World, "{id} is given up by its client, what it writes comes {late:?} late");
        // Handlers may still run when it comes.
        if let Some(key) = session {
            self.dozing.insert(key, until);
        }
        // Perhaps it cannot come back, and goes elsewhere.
        if self.decisions.chance(For::Faults, 400_000) {
            let wall = self.some_time();
            self.walls.insert((client, server), until + wall);
        }
    }

    fn black_hole(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let both = self.decisions.chance(For::Faults, 500_000);
        let way = self.some_way();
        let Some(wire) = self.wires.get_mut(&id) else { return };
        if both || way == Way::Up {
            wire.up.vanish();
        }
        if both || way == Way::Down {
            wire.down.vanish();
        }
        tell!(self, Host::World, "{id} swallows everything, both ways: {both}, else {way:?}");
        self.coverage.hit(Fault::BlackHole);
    }

    /// Nothing gets from one host to the other for a while; it arrives afterwards, as TCP sends it again.
    fn partition(&mut self, both: bool) {
        let client = self.decisions.below(For::Faults, self.clients.len() as u64) as usize;
        let server = self.decisions.below(For::Faults, self.servers.len() as u64) as usize;
        let way = self.some_way();
        let until = self.now + self.some_time();
        tell!(
            self,
            Host::World,
            "c{client} and s{server} are apart until {until:?}, both ways: {both}, else {way:?}"
        );
        let hit = |on: Way| both || on == way;
        let ends = self.partitions.entry((client, server)).or_default();
        for on in [Way::Up, Way::Down] {
            if hit(on) {
                ends[on as usize] = ends[on as usize].max(until);
            }
        }
        let mut waiting = 0;
        for (id, wire) in &mut self.wires {
            if (wire.client, wire.server) != (client, server) {
                continue;
            }
            for on in [Way::Up, Way::Down] {
                if hit(on) {
                    waiting += wire.pipe(on).stall(until);
                    self.queue.push(until, Event::Arrival(*id, on));
                }
            }
        }
        if waiting > 0 || !both {
            self.coverage.hit(if both { Fault::Partition } else { Fault::OneWay });
        }
    }

    fn corrupt(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let way = self.some_way();
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.pipe(way).corrupts = true;
        }
    }

    /// A request that was delivered is delivered again, on any connection of its session; of a large one the first frame. Only
    /// one that the server has stored or answered: of one whose copies it has all refused there can be no further one.
    fn duplicate(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let Some(key) = self.wires.get(&id).and_then(|wire| wire.session) else { return };
        let least = SlotId { slot: 0, sequence: 0 };
        let most = SlotId { slot: u32::MAX, sequence: u64::MAX };
        let known = self.journal.ids.range((key, least)..=(key, most));
        let fit = known.filter(|(_, known)| known.answered && known.may_come_again());
        let frames: Vec<&Vec<u8>> = fit.map(|(_, known)| &known.frame).collect();
        if frames.is_empty() {
            return;
        }
        // The newest ones matter most.
        let back = self.decisions.below(For::Faults, frames.len().min(8) as u64) as usize;
        let mut frame = frames[frames.len() - 1 - back].clone();
        let releases = self.journal.releases.get(&key);
        let mut cuts = self.decisions.chance(For::Faults, 300_000);
        if self.decisions.chance(For::Faults, 400_000)
            && let Some(release) = releases.and_then(|all| all.last())
        {
            frame.clone_from(release);
            cuts = true;
        }
        self.deliver_again(id, &frame);
        if cuts {
            self.cut_wire(id);
        }
    }

    /// A client does not keep to the rules. A recorded request comes again with other arguments: its session must end, with everything in it.
    fn forge(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let Some(wire) = self.wires.get(&id) else { return };
        let (ServerEnd::Attached { session, lane }, Some(key)) = (&wire.server_end, wire.session) else {
            return;
        };
        let (lane, now) = (*lane, self.server_now(key.server));
        if !wire.server_unread.is_empty() || *session != key.session {
            return;
        }
        // Seldom: it costs all of the session's calls.
        if self.decisions.chance(For::Faults, 700_000) {
            return self.forge_fence(id, key, lane);
        }
        let least = SlotId { slot: 0, sequence: 0 };
        let most = SlotId { slot: u32::MAX, sequence: u64::MAX };
        let calls = &self.journal.calls;
        let executed =
            |tag: u32| calls.get(tag as usize).is_some_and(|call| !call.idempotent && call.ends == 1);
        let mut known = self.journal.ids.range((key, least)..=(key, most)).rev();
        let newest = known.find(|(_, known)| known.starts == 1 && executed(known.tag));
        let Some(((_, at), known)) = newest else { return };
        let (at, tag) = (*at, known.tag);
        let Some((header, body)) = frame::split(&known.frame, Checksum::Whole).ok().flatten() else { return };
        let Ok(request) = Request::read(&header, body) else { return };
        let payload = hall::tagged(tag, 1 + request.payload.len() % 1000);
        let mut forged = Vec::new();
        Request { payload: &payload, total: None, ..request }.write(&mut forged, Checksum::Whole);
        // If the slot has gone on, it is an old number and says nothing.
        let next = SlotId { slot: at.slot, sequence: at.sequence + 1 };
        let last = SlotId { slot: at.slot, sequence: SlotId::SEQUENCE_MAX };
        if self.journal.ids.range((key, next)..=(key, last)).next().is_some() {
            return;
        }
        let Some(host) = self.session(&key) else { return };
        host.session.handle_bytes(now, lane, &forged);
        let over = host.session.is_over();
        tell!(self, Host::World, "{id}: call {tag} comes again with another payload, session over: {over}");
        if !over {
            self.violate(
                "misuse-is-detected",
                format!("call {tag} comes with another payload, and {key} goes on"),
            );
        }
        self.forged.insert(key);
        self.coverage.hit(Fault::Forgery);
        self.coverage.met(Row::Misuse);
        self.told_session(&key);
    }

    /// A fence of a call that was never made reaches a slot in which an earlier one runs, as from a client that has lost count:
    /// it is told to ask again later, and that is all.
    fn forge_fence(&mut self, id: WireId, key: SessionKey, lane: Lane) {
        let now = self.server_now(key.server);
        let runs = |run: &&Run| run.key == key && run.state == RunState::Running && !run.idempotent;
        let Some(at) = self.runs.iter().rev().find(runs).map(|run| run.at) else { return };
        let next = SlotId { slot: at.slot, sequence: at.sequence + 1 };
        let mut forged = Vec::new();
        Cancel { id: next, want_reply: false }.write(&mut forged);
        let Some(host) = self.session(&key).filter(|host| !host.session.is_over()) else { return };
        host.session.handle_bytes(now, lane, &forged);
        let over = host.session.is_over();
        tell!(self, Host::World, "{id}: a fence of {}-{} comes, over: {over}", next.slot, next.sequence);
        if over {
            self.violate("busy-is-no-misuse", format!("{key} ends because a fence came while a call ran"));
        }
        self.coverage.hit(Fault::Forgery);
        self.told_session(&key);
    }

    /// The process dies. Its clients hear of it at once, or when they say something, or never.
    fn crash(&mut self) {
        let server = self.decisions.below(For::Faults, self.servers.len() as u64) as usize;
        let back = self.some_time();
        let wires = self.wires_of(server);
        let Some(process) = self.kill(server) else { return };
        if !process.sessions.is_empty() {
            self.coverage.hit(Fault::Crash);
        }
        for id in wires {
            let silent = self.decisions.chance(For::Faults, 300_000);
            if let Some(wire) = self.wires.get_mut(&id) {
                wire.server_end = ServerEnd::Closed;
                wire.up.clear();
            }
            if !silent {
                self.write_end(id, Way::Down, Ending::Reset);
            }
            self.tidy(id);
        }
        self.queue.push(self.now + back, Event::Start(server));
    }

    /// A host stands still.
    fn pause(&mut self) {
        let now = self.now;
        let until = now + self.some_time();
        let number =
            self.decisions.below(For::Faults, (self.clients.len() + self.servers.len()) as u64) as usize;
        match number.checked_sub(self.clients.len()) {
            None => {
                let client = &mut self.clients[number];
                client.paused = client.paused.max(until);
                client.disturbed = client.paused;
                tell!(self, Host::Client(number), "stands still until {until:?}");
            }
            Some(number) => {
                let server = &mut self.servers[number];
                let before = server.paused.max(now);
                server.paused = server.paused.max(until);
                server.disturbed.slept += server.paused - before;
                server.disturbed.times += 1;
                tell!(self, Host::Server(number), "stands still until {until:?}");
            }
        }
        self.coverage.hit(Fault::Pause);
    }

    /// A clock jumps forward, or runs at another rate from now on.
    fn clock(&mut self) {
        let (now, jumps) = (self.now, self.decisions.chance(For::Faults, 500_000));
        let jump = if jumps { self.some_time() } else { Duration::ZERO };
        // Up to one in a hundred.
        let rate =
            if jumps { None } else { Some(TRUE_RATE - 10_000 + self.decisions.below(For::Faults, 20_001)) };
        let number =
            self.decisions.below(For::Faults, (self.clients.len() + self.servers.len()) as u64) as usize;
        match number.checked_sub(self.clients.len()) {
            None => {
                let client = &mut self.clients[number];
                client.clock.change(now, jump, rate.unwrap_or(client.clock.rate()));
                client.disturbed = client.disturbed.max(now + Duration::from_micros(2));
                tell!(self, Host::Client(number), "its clock jumps by {jump:?}, rate {rate:?}");
                self.rearm_client(number);
            }
            Some(number) => {
                let server = &mut self.servers[number];
                server.clock.change(now, jump, rate.unwrap_or(server.clock.rate()));
                server.disturbed.times += 1;
                tell!(self, Host::Server(number), "its clock jumps by {jump:?}, rate {rate:?}");
                self.rearm_server(number);
            }
        }
        self.coverage.hit(Fault::Clock);
    }

    /// A reader takes nothing for a while.
    fn full(&mut self) {
        let Some(id) = self.some_wire() else { return };
        let way = self.some_way();
        let until = self.now + self.some_time();
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.pipe(way).stall(until);
        self.queue.push(until, Event::Arrival(id, way));
        tell!(self, Host::World, "{id} {way:?}: nothing is read until {until:?}");
        self.coverage.hit(Fault::Full);
    }

    /// When a partition ends that a dial would run into.
    pub(crate) fn apart(&self, client: usize, server: usize) -> bool {
        let ends: [Instant; 2] = self.partitions.get(&(client, server)).copied().unwrap_or_default();
        ends.iter().any(|until| *until > self.now)
    }
}
