//! A client's process: its engine, its clock, and the calls that its driver makes.

use crate::clock::Clock;
use crate::coverage::{Fault, Row};
use crate::decisions::For;
use crate::hall::{self, HALL};
use crate::journal::{End, SessionKey};
use crate::network::{Ending, Pipe, ServerEnd, Way, Wire, WireId, peer};
use crate::queue::{Dialled, Event};
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::client::{BindingId, CallKey, Client, ConnectionId, Output};
use rpc_core::server::Arrival;
use rpc_core::service::{Reply, Verdict};
use rpc_core::{BindError, Code, Error, Execution, Instant, RequestId, Tried};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// A client.
pub(crate) struct ClientHost {
    pub(crate) engine: Client,
    pub(crate) clock: Clock,
    /// What its clock said at first.
    pub(crate) start: Instant,
    /// It stands still until then.
    pub(crate) paused: Instant,
    /// When it went on last, or its clock jumped: what ends later than it should before that is excused.
    pub(crate) disturbed: Instant,
    /// What its timer is set for, and when it fires, which is a little later.
    wanted: Instant,
    armed: Instant,
    /// Its driver's next turn is due.
    turn: bool,
    pub(crate) binding: BindingId,
    dialling: BTreeSet<ConnectionId>,
    pub(crate) wires: BTreeMap<ConnectionId, WireId>,
    /// Those that have not ended, by their keys.
    pub(crate) calls: BTreeMap<(u32, u32), u32>,
    /// Calls that ended as unknown, until it is known what became of them.
    pub(crate) unknown: BTreeMap<RequestId, u32>,
    /// Of these calls it has said that it is known what became of them, before it said that they have ended.
    told: BTreeSet<RequestId>,
    /// The connection that new calls go to.
    pub(crate) ready: Option<WireId>,
    /// The session that the last request was written to.
    pub(crate) session: Option<SessionKey>,
    /// How often calls were written under another id than before.
    pub(crate) retries: u64,
    /// How old it was by its own clock when it did so last.
    pub(crate) retried: Duration,
    /// What the last connection was lost by, until the session is resumed.
    pub(crate) cause: Option<Row>,
}

impl World {
    pub(crate) fn add_client(&mut self, number: usize) {
        let start = Instant(1_000_000_000 * (1 + number as u64));
        let mut engine = Client::new(self.plan.client.clone(), 1 + self.decisions.below(For::Plan, 1 << 40));
        let binding = engine.bind(start, &HALL);
        self.clients.push(ClientHost {
            engine,
            clock: Clock::starting(start, crate::clock::TRUE_RATE),
            start,
            paused: Instant(0),
            disturbed: Instant(0),
            wanted: Instant::NEVER,
            armed: Instant::NEVER,
            turn: false,
            binding,
            dialling: BTreeSet::new(),
            wires: BTreeMap::new(),
            calls: BTreeMap::new(),
            unknown: BTreeMap::new(),
            told: BTreeSet::new(),
            ready: None,
            session: None,
            retries: 0,
            retried: Duration::ZERO,
            cause: None,
        });
        self.drain_client(number);
    }

    pub(crate) fn client_now(&self, client: usize) -> Instant {
        self.clients[client].clock.local(self.now)
    }

    pub(crate) fn client_timer(&mut self, client: usize) {
        let host = &mut self.clients[client];
        if host.armed > self.now {
            return;
        }
        (host.wanted, host.armed) = (Instant::NEVER, Instant::NEVER);
        let now = host.clock.local(self.now);
        host.engine.handle_timeout(now);
        self.told_client(client);
    }

    pub(crate) fn client_turn(&mut self, client: usize) {
        self.clients[client].turn = false;
        self.transmit_client(client);
        self.drain_client(client);
    }

    /// The engine was told something: does what it wants, and writes what it has, now or in the driver's next turn.
    pub(crate) fn told_client(&mut self, client: usize) {
        self.drain_client(client);
        if self.plan.turn_after.is_zero() {
            self.transmit_client(client);
            self.drain_client(client);
        } else if !self.clients[client].turn {
            self.clients[client].turn = true;
            self.queue.push(self.now + self.plan.turn_after, Event::ClientTurn(client));
        }
    }

    fn drain_client(&mut self, client: usize) {
        loop {
            match self.clients[client].engine.poll_output() {
                Output::Wait(until) => return self.arm_client(client, until),
                Output::Dial { connection, address, within } => {
                    self.dial(client, connection, address, within);
                }
                Output::Close(connection) => self.client_closes(client, connection),
                Output::Bound(_, outcome) => {
                    tell!(self, Host::Client(client), "bound: {outcome:?}");
                }
                Output::Ended(key) => {
                    let result = self.clients[client].engine.take(key).expect("it has ended");
                    self.ended(client, key, result.map_err(|error| *error));
                }
                Output::Settled(id) if self.clients[client].unknown.contains_key(&id) => {
                    self.settled(client, id);
                }
                Output::Settled(id) => drop(self.clients[client].told.insert(id)),
            }
        }
    }

    /// Its clock has changed: its timer is set anew.
    pub(crate) fn rearm_client(&mut self, client: usize) {
        self.clients[client].wanted = Instant::NEVER;
        self.drain_client(client);
    }

    fn arm_client(&mut self, client: usize, until: Instant) {
        let when = self.clients[client].clock.world(until);
        if when == Instant::NEVER || when >= self.clients[client].wanted {
            return;
        }
        self.clients[client].wanted = when;
        // A timer that is set for now fires a little later.
        let when = when.max(self.now + Duration::from_micros(1)) + self.slack();
        self.clients[client].armed = when;
        self.queue.push(when, Event::ClientTimer(client));
    }

    fn transmit_client(&mut self, client: usize) {
        let wires: Vec<(ConnectionId, WireId)> =
            self.clients[client].wires.iter().map(|(connection, wire)| (*connection, *wire)).collect();
        for (connection, wire) in wires {
            self.transmit_up(client, connection, wire);
        }
    }

    fn transmit_up(&mut self, client: usize, connection: ConnectionId, id: WireId) {
        let now = self.client_now(client);
        loop {
            let Some(wire) = self.wires.get(&id) else { return };
            if !wire.up.is_writable() {
                return;
            }
            let mut bytes = Vec::new();
            if !self.clients[client].engine.poll_transmit(now, connection, &mut bytes) {
                return;
            }
            self.write(id, Way::Up, bytes);
        }
    }

    fn dial(&mut self, client: usize, connection: ConnectionId, address: usize, within: Duration) {
        let mut server = address;
        let walled = self.walls.get(&(client, server)).is_some_and(|until| *until > self.now);
        let others = self.servers.len() as u64 - 1;
        if self.may(Fault::Elsewhere) && others > 0 && (walled || self.decisions.chance(For::Faults, 300_000))
        {
            server = (server + 1 + self.decisions.below(For::Faults, others) as usize) % self.servers.len();
            self.coverage.hit(Fault::Elsewhere);
        }
        let apart = self.apart(client, server);
        let mut after = self.latency(0) * 2;
        let mut how = match self.servers[server].process {
            Some(_) => Dialled::Open { slow: 0 },
            None => Dialled::Refused,
        };
        let half = 500_000;
        if apart || (self.may(Fault::Hanging) && self.decisions.chance(For::Faults, half)) {
            how = Dialled::TimedOut;
            self.coverage.hit(if apart { Fault::Partition } else { Fault::Hanging });
        } else if self.walls.get(&(client, server)).is_some_and(|until| *until > self.now) {
            how = Dialled::Refused;
        } else if self.may(Fault::Refused) && self.decisions.chance(For::Faults, half) {
            how = Dialled::Refused;
            self.coverage.hit(Fault::Refused);
        } else if self.may(Fault::Slow) && self.decisions.chance(For::Faults, half) {
            let most = self.plan.lease.as_micros() as u64 * 2;
            how = Dialled::Open { slow: self.decisions.below(For::Faults, most) };
            after += within / 2;
            self.coverage.hit(Fault::Slow);
        }
        if how == Dialled::TimedOut || after > within {
            (how, after) = (Dialled::TimedOut, within);
        }
        tell!(
            self,
            Host::Client(client),
            "dials s{server} as connection {}: {how:?} after {after:?}",
            connection.0
        );
        self.clients[client].dialling.insert(connection);
        self.queue.push(self.now + after, Event::Dialled { client, connection, server, how });
    }

    pub(crate) fn dialled(&mut self, client: usize, connection: ConnectionId, server: usize, how: Dialled) {
        if !self.clients[client].dialling.remove(&connection) {
            return;
        }
        let now = self.client_now(client);
        let address = format!("s{server}");
        let refused = match (how, &self.servers[server].process) {
            (Dialled::Open { slow }, Some(_)) => {
                self.open_wire(client, connection, server, Duration::from_micros(slow));
                self.clients[client].engine.handle_dialled(now, connection, &address);
                return self.told_client(client);
            }
            (Dialled::TimedOut, _) => "timed out",
            _ => "connection refused",
        };
        let error = refused.to_owned();
        let tried = vec![Tried { address, error, after: Duration::ZERO }];
        let error = BindError::Unreachable { tried, attempts: 1 };
        self.clients[client].engine.handle_dial_failed(now, connection, error);
        self.told_client(client);
    }

    /// Both ends are there; what the client says first takes so much longer.
    fn open_wire(&mut self, client: usize, connection: ConnectionId, server: usize, slow: Duration) {
        self.wires_made += 1;
        let id = WireId(self.wires_made);
        let host = &mut self.servers[server];
        let Some(process) = host.process.as_mut() else { return };
        let incarnation = process.incarnation;
        let Arrival::Handshake(handshake) =
            process.endpoint.handle_connected(host.clock.local(self.now), &peer(client))
        else {
            return;
        };
        let deadline = host.clock.world(handshake.deadline());
        self.queue.push(deadline, Event::HandshakeTimer(id));
        let room = self.plan.network.room;
        let (mut up, down) = (Pipe::new(room), Pipe::new(room));
        up.stall(self.now + slow);
        let wire = Wire {
            client,
            connection,
            server,
            incarnation,
            up,
            down,
            client_open: true,
            server_end: ServerEnd::Handshake(handshake),
            client_unread: Vec::new(),
            server_unread: Vec::new(),
            session: None,
            resumes: None,
            welcomed: None,
            corrupted: false,
            unwanted: false,
            again: Vec::new(),
            late: false,
            large: BTreeMap::new(),
        };
        self.wires.insert(id, wire);
        self.clients[client].wires.insert(connection, id);
        tell!(self, Host::Client(client), "is connected to s{server}.{incarnation} by {id}");
    }

    /// The engine is through with a connection: what it still has to say is written, then the end.
    fn client_closes(&mut self, client: usize, connection: ConnectionId) {
        self.clients[client].dialling.remove(&connection);
        let Some(id) = self.clients[client].wires.remove(&connection) else { return };
        self.transmit_up(client, connection, id);
        tell!(self, Host::Client(client), "closes {id}");
        self.note_cause(client, id);
        self.write_end(id, Way::Up, Ending::Closed);
        self.leave_wire(id);
    }

    /// Remembers what a connection was lost by.
    fn note_cause(&mut self, client: usize, id: WireId) {
        let Some(wire) = self.wires.get(&id) else { return };
        let host = &mut self.clients[client];
        if host.ready == Some(id) {
            host.ready = None;
        }
        if wire.corrupted {
            host.cause = Some(Row::Corrupted);
        } else if wire.up.black_hole || wire.down.black_hole {
            host.cause = Some(Row::HalfOpen);
        }
    }

    /// The client's end of a connection is gone.
    fn leave_wire(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.client_open = false;
        wire.late = wire.up.bytes() > 0;
        wire.down.clear();
        self.tidy(id);
    }

    /// Bytes for a client, or the end of its stream.
    pub(crate) fn client_reads(&mut self, id: WireId, bytes: Vec<u8>) {
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.client_open) else { return };
        let (client, connection) = (wire.client, wire.connection);
        let mut unread = std::mem::take(&mut wire.client_unread);
        unread.extend_from_slice(&bytes);
        let now = self.client_now(client);
        let used = self.clients[client].engine.handle_bytes(now, connection, &unread);
        unread.drain(..used);
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.client_unread = unread;
        }
        self.told_client(client);
    }

    /// A client notices that a connection is gone.
    pub(crate) fn client_loses(&mut self, id: WireId, why: &str) {
        let Some(wire) = self.wires.get(&id).filter(|wire| wire.client_open) else { return };
        let (client, connection) = (wire.client, wire.connection);
        tell!(self, Host::Client(client), "loses {id}: {why}");
        self.note_cause(client, id);
        self.clients[client].wires.remove(&connection);
        self.leave_wire(id);
        let now = self.client_now(client);
        self.clients[client].engine.handle_disconnected(now, connection, why);
        self.told_client(client);
    }

    /// A full pipe has taken more.
    pub(crate) fn client_may_write(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(&id).filter(|wire| wire.client_open) else { return };
        let (client, connection) = (wire.client, wire.connection);
        let now = self.client_now(client);
        self.clients[client].engine.handle_progress(now, connection);
        self.told_client(client);
    }

    fn ended(&mut self, client: usize, key: CallKey, result: Result<Reply, Error>) {
        let Some(tag) = self.clients[client].calls.remove(&(key.index, key.generation)) else {
            self.violate("ends-once", format!("a call of c{client} ends that has ended or was dropped"));
            return;
        };
        self.trace.event(self.now, 2, u64::from(tag));
        let (end, error) = match &result {
            Ok(reply) => {
                let payload = reply.payload.as_slice();
                let refused = reply.verdict == Verdict::Application;
                self.check_owner(tag, payload);
                let end = End::Result { refused, hash: xxh3_64(payload), seat: hall::seat_of(payload) };
                (end, String::new())
            }
            Err(error) => (End::Failed(error.execution()), error.to_string()),
        };
        tell!(self, Host::Client(client), "call {tag} ends: {end:?} {error}");
        self.check_deadline(client, tag);
        self.count_end(tag, &result);
        let now = self.now;
        if let Some(call) = self.journal.call(tag) {
            call.end = Some((now, end));
            call.error = error;
            if let End::Result { hash, .. } = end {
                call.result = Some(hash);
            }
        }
        self.check_end(tag);
        if let Err(error) = &result
            && error.execution() == Execution::Unknown
        {
            self.ended_unknown(client, tag, error);
            self.check_drain(tag, error);
            self.check_cause(tag, error);
        }
    }

    /// Nobody knows yet whether it ran: its client will say, if it can find out. It may have said so already.
    fn ended_unknown(&mut self, client: usize, tag: u32, error: &Error) {
        let idempotent = self.journal.calls.get(tag as usize).is_none_or(|call| call.idempotent);
        let asked = matches!(error, Error::DeadlineExceeded { .. } | Error::ConnectionLost { .. });
        let Some(id) = error.request_id().filter(|_| asked && !idempotent) else { return };
        let host = &mut self.clients[client];
        host.unknown.insert(id, tag);
        if host.told.remove(&id) {
            self.settled(client, id);
        }
    }

    fn count_end(&mut self, tag: u32, result: &Result<Reply, Error>) {
        let most = self.plan.client.retry.most;
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        let written = !call.ids.is_empty();
        let early = self.client_now(call.client) + most < call.deadline;
        let unconnected =
            matches!(result, Err(Error::Unavailable { .. } | Error::NotSent { code: Code::Unavailable, .. }));
        if unconnected && call.hurried && self.client_now(call.client) < call.deadline {
            return self.coverage.met(Row::FailFast);
        }
        match result {
            Err(Error::DeadlineExceeded { .. } | Error::Unavailable { .. }) if !written => {
                self.coverage.met(Row::DeadlineUnsent);
            }
            Err(Error::Internal { .. }) => self.coverage.met(Row::Panic),
            Err(Error::ReplyLost { .. }) => {
                self.coverage.met(Row::ReplyEvicted);
                self.check_cause_of_loss(tag);
            }
            Err(Error::Refused { code: Code::Unavailable, attempts, .. })
                if attempts.total() < usize::from(self.plan.client.retry.attempts) && early =>
            {
                self.coverage.met(Row::BudgetSpent);
            }
            _ => {}
        }
    }
}
