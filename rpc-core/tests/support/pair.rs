//! A client's engine and a server's engines, joined by byte pipes, under a clock that only moves when it is told to.

use super::PEER;
use super::pipe::{End, Pipe, Wire};
use super::services::HALL;
use rpc_core::client::{self, BindingId, CallKey, Client, ConnectionId, NewCall};
use rpc_core::server::{self, Arrival, Begin, Completion, Endpoint, Execute, Session};
use rpc_core::service::{Descriptor, Reply};
use rpc_core::{
    BindError, Code, Error, Incarnation, Instant, ProtocolError, RequestId, SessionId, SlotId, Stats,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A request that reached a handler.
#[derive(Debug)]
pub struct Executed {
    pub connection: u32,
    pub when: Instant,
    pub execute: Execute,
}

type Handler = Box<dyn FnMut(&Execute) -> Option<Completion>>;

pub struct Pair {
    pub now: Instant,
    pub client: Client,
    pub endpoint: Endpoint,
    pub wires: BTreeMap<u32, Wire>,
    /// Those that live, with or without a connection, and those that are over while their last frames are written.
    pub sessions: BTreeMap<SessionId, Box<Session>>,
    /// Called for every request that is to be executed. `None`: it runs until the test completes it.
    pub handler: Handler,
    pub latency: Duration,
    /// Dials fail.
    pub unreachable: bool,
    /// The client has one stream, which has ended.
    pub stream_ended: bool,
    /// Addresses to which dials fail.
    pub dead: Vec<usize>,
    /// Servers at other addresses than that of `endpoint`, by their address.
    pub elsewhere: BTreeMap<usize, Endpoint>,
    /// New connections are the test's to answer.
    pub raw: bool,
    pub dials: Vec<Instant>,
    /// Which address each of them was to lead to.
    pub addresses: Vec<usize>,
    pub bound: Vec<(BindingId, Result<(), BindError>)>,
    pub ended: Vec<(CallKey, Instant, Result<Reply, Error>)>,
    /// Calls of which it is known now what became of them.
    pub settled: Vec<RequestId>,
    pub executed: Vec<Executed>,
    /// Handlers wait in `queued` until [`Pair::begin`].
    pub queueing: bool,
    pub queued: Vec<(SessionId, Execute)>,
    pub stopped: Vec<(SlotId, bool)>,
    pub faults: Vec<ProtocolError>,
    pub(super) opened: u64,
    /// Which server each session belongs to.
    pub(super) homes: BTreeMap<SessionId, usize>,
    pub(super) incarnations: u64,
    /// Steps since time has gone on.
    pub(super) standing: u32,
    /// Counts of servers before a restart.
    pub(super) past: Stats,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(client::Config::default(), server::Config::default(), vec![&HALL])
    }

    pub fn with(client: client::Config, server: server::Config, services: Vec<&'static Descriptor>) -> Self {
        Self {
            now: Instant(1_000_000_000),
            client: Client::new(client, 1),
            endpoint: Endpoint::new(server, Incarnation(1), services),
            wires: BTreeMap::new(),
            sessions: BTreeMap::new(),
            handler: Box::new(|execute| Some(Completion::Ok(execute.payload.clone()))),
            latency: Duration::ZERO,
            unreachable: false,
            stream_ended: false,
            dead: Vec::new(),
            elsewhere: BTreeMap::new(),
            raw: false,
            dials: Vec::new(),
            addresses: Vec::new(),
            bound: Vec::new(),
            ended: Vec::new(),
            settled: Vec::new(),
            executed: Vec::new(),
            queueing: false,
            queued: Vec::new(),
            stopped: Vec::new(),
            faults: Vec::new(),
            opened: 0,
            homes: BTreeMap::new(),
            incarnations: 1,
            standing: 0,
            past: Stats::default(),
        }
    }

    /// A pair that is bound to [`HALL`], with all handlers echoing.
    pub fn ready() -> (Self, BindingId) {
        let mut pair = Self::new();
        let hall = pair.bind(&HALL);
        (pair, hall)
    }

    /// The same, but no call is attempted a second time.
    pub fn once() -> (Self, BindingId) {
        let retry = client::Retry::default().attempts(1);
        let mut pair =
            Self::with(client::Config { retry, ..Default::default() }, Default::default(), vec![&HALL]);
        let hall = pair.bind(&HALL);
        (pair, hall)
    }

    /// A server whose sessions end with their connections.
    pub fn fleeting() -> server::Config {
        let mut config = server::Config::default();
        config.limits.lease = Duration::ZERO;
        config
    }

    /// Binds, and waits for the answer.
    pub fn bind(&mut self, service: &'static Descriptor) -> BindingId {
        let id = self.client.bind(self.now, service);
        self.settle();
        assert_eq!(self.outcome_of(id), Some(Ok(())));
        id
    }

    pub fn outcome_of(&self, id: BindingId) -> Option<Result<(), BindError>> {
        self.bound.iter().find(|(bound, _)| *bound == id).map(|(_, outcome)| outcome.clone())
    }

    /// No handler ends by itself from now on.
    pub fn hold(&mut self) {
        self.handler = Box::new(|_| None);
    }

    /// All handlers echo.
    pub fn echo(&mut self) {
        self.handler = Box::new(|execute| Some(Completion::Ok(execute.payload.clone())));
    }

    /// Starts a call that has ten seconds.
    pub fn start(&mut self, binding: BindingId, method: u16, payload: &[u8]) -> CallKey {
        self.start_within(binding, method, payload, Duration::from_secs(10))
    }

    pub fn start_within(
        &mut self,
        binding: BindingId,
        method: u16,
        payload: &[u8],
        timeout: Duration,
    ) -> CallKey {
        let deadline = self.now + timeout;
        let payload = payload.to_vec();
        let call = NewCall { binding, method, deadline, timeout, metadata: None, payload, fail_fast: false };
        let key = self.client.start(self.now, call);
        self.pump();
        key
    }

    /// Makes a call and waits for its end.
    pub fn call(&mut self, binding: BindingId, method: u16, payload: &[u8]) -> Result<Reply, Error> {
        let key = self.start(binding, method, payload);
        self.end_of(key)
    }

    /// Runs until the call ends.
    pub fn end_of(&mut self, key: CallKey) -> Result<Reply, Error> {
        let give_up = self.now + Duration::from_secs(3600);
        while self.ended_at(key).is_none() {
            assert!(self.now < give_up, "the call does not end");
            self.step(give_up);
        }
        let at = self.ended.iter().position(|(ended, ..)| *ended == key).expect("it has ended");
        self.ended.remove(at).2
    }

    pub fn has_ended(&self, key: CallKey) -> bool {
        self.ended_at(key).is_some()
    }

    pub fn ended_at(&self, key: CallKey) -> Option<Instant> {
        self.ended.iter().find(|(ended, ..)| *ended == key).map(|(_, when, _)| *when)
    }

    pub fn give_up(&mut self, key: CallKey) {
        self.client.give_up(self.now, key);
        self.pump();
    }

    /// The turn of all queued handlers has come: those that the engine lets start.
    pub fn begin(&mut self) -> Vec<SlotId> {
        let when = self.now;
        let mut begun = Vec::new();
        for (id, execute) in std::mem::take(&mut self.queued) {
            let connection = self.connection_of(id, execute.lane);
            if let Some(session) = self.sessions.get_mut(&id)
                && session.begin(when, execute.at) == Begin::Now
            {
                begun.push(execute.at);
                self.executed.push(Executed { connection, when, execute });
            }
        }
        self.pump();
        begun
    }

    /// Ends a handler of the newest connection.
    pub fn complete(&mut self, at: SlotId, completion: Completion) {
        let now = self.now;
        self.session().complete(now, at, completion);
        self.pump();
    }

    /// Ends a handler of any session, whether that has a connection or not.
    pub fn complete_in(&mut self, session: SessionId, at: SlotId, completion: Completion) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.complete(self.now, at, completion);
        }
        self.pump();
    }

    /// A failed handler.
    pub fn panicked(message: &str) -> Completion {
        Completion::Failed { code: Code::Internal, message: message.into(), hops: Vec::new() }
    }

    /// The newest connection.
    pub fn wire(&mut self) -> &mut Wire {
        self.wires.values_mut().next_back().expect("a connection")
    }

    pub fn newest(&self) -> u32 {
        *self.wires.keys().next_back().expect("a connection")
    }

    /// The session of the newest connection.
    pub fn session(&mut self) -> &mut Session {
        self.session_if_any().expect("the newest connection has a session")
    }

    pub fn session_if_any(&mut self) -> Option<&mut Session> {
        let End::Session(id, _) = self.wires.values().next_back()?.end else { return None };
        self.sessions.get_mut(&id).map(|session| &mut **session)
    }

    /// Bytes for the server's end of the newest connection, as if the client had written them.
    pub fn inject_up(&mut self, bytes: &[u8]) {
        let arrival = self.now + self.latency;
        self.wire().up.in_flight.push_back((arrival, bytes.to_vec()));
        self.pump();
    }

    /// Bytes for the client's end of the newest connection, as if the server had written them.
    pub fn inject_down(&mut self, bytes: &[u8]) {
        let arrival = self.now + self.latency;
        self.wire().down.in_flight.push_back((arrival, bytes.to_vec()));
        self.pump();
    }

    /// Breaks the newest connection; what is in flight is lost.
    pub fn cut(&mut self) {
        self.break_connection(self.newest());
    }

    pub fn break_connection(&mut self, number: u32) {
        self.break_wire(number, "connection reset by peer");
        self.pump();
    }

    /// The client loses the newest connection, and the server does not notice: what was written may arrive much later.
    pub fn forsake(&mut self) -> u32 {
        let newest = self.newest();
        let wire = self.wire();
        (wire.up.stalled, wire.forlorn, wire.client_open) = (true, true, false);
        self.client.handle_disconnected(self.now, ConnectionId(newest), "connection reset by peer");
        self.pump();
        newest
    }

    /// What was written to a connection that the client has left arrives now.
    pub fn arrive_late(&mut self, number: u32) {
        self.wires.get_mut(&number).expect("a connection").up.stalled = false;
        self.pump();
    }

    /// The server's counts: sessions that are over, and those that live.
    pub fn server_stats(&self) -> Stats {
        let mut stats = self.past;
        for endpoint in self.elsewhere.values().chain([&self.endpoint]) {
            stats += endpoint.stats();
            for session in self.sessions.values().filter(|session| endpoint.knows(session.id())) {
                stats += session.stats();
            }
        }
        stats
    }

    pub(super) fn break_wire(&mut self, number: u32, why: &str) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let was_open = std::mem::replace(&mut wire.client_open, false);
        let end = std::mem::replace(&mut wire.end, End::Closed);
        for pipe in [&mut wire.up, &mut wire.down] {
            pipe.in_flight.clear();
            pipe.cut_at = None;
        }
        let address = wire.address;
        self.close_end(end, address);
        if was_open {
            self.client.handle_disconnected(self.now, ConnectionId(number), why);
        }
    }

    /// Does all that can be done without time going on.
    pub fn pump(&mut self) {
        for _ in 0..100_000 {
            let mut busy = self.drain_client();
            let numbers: Vec<u32> = self.wires.keys().copied().collect();
            for number in numbers {
                busy |= self.pump_wire(number);
            }
            let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
            for session in sessions {
                busy |= self.drain_session(session);
            }
            if !busy {
                return;
            }
        }
        panic!("the engines never come to rest");
    }

    pub(super) fn drain_client(&mut self) -> bool {
        let mut busy = false;
        loop {
            match self.client.poll_output() {
                client::Output::Wait(_) => return busy,
                client::Output::Dial { connection, address, .. } => {
                    self.addresses.push(address);
                    self.dial(connection);
                }
                client::Output::Close(ConnectionId(number)) => self.client_closes(number),
                client::Output::Bound(id, outcome) => self.bound.push((id, outcome.map_err(|error| *error))),
                client::Output::Ended(key) => {
                    let result = self.client.take(key).expect("it has ended").map_err(|error| *error);
                    self.ended.push((key, self.now, result));
                }
                client::Output::Settled(id) => self.settled.push(id),
            }
            busy = true;
        }
    }

    /// Another connection, of which the server has heard nothing yet.
    pub fn arrival(&mut self) -> server::Handshake {
        match self.endpoint.handle_connected(self.now, PEER) {
            Arrival::Handshake(handshake) => handshake,
            other => panic!("{other:?}"),
        }
    }

    fn dial(&mut self, connection: ConnectionId) {
        self.dials.push(self.now);
        let address = self.addresses.last().copied().unwrap_or_default();
        if self.stream_ended {
            let error = BindError::StreamEnded { address: "the given stream".to_owned() };
            return self.client.handle_dial_failed(self.now, connection, error);
        }
        if self.unreachable || self.dead.contains(&address) {
            let (address, error) = ("hall:7000".to_owned(), "refused".to_owned());
            let tried = vec![rpc_core::Tried { address, error, after: Duration::ZERO }];
            let error = BindError::Unreachable { tried, attempts: 1 };
            self.client.handle_dial_failed(self.now, connection, error);
            return;
        }
        let end = match self.raw {
            true => End::Raw,
            false => {
                let now = self.now;
                match self.endpoint_at(address).handle_connected(now, PEER) {
                    Arrival::Handshake(handshake) => End::Handshake(handshake),
                    Arrival::Refuse(bytes) => End::Refused(bytes),
                    Arrival::Drop => panic!("a flood"),
                }
            }
        };
        let (up, down) = (Pipe::default(), Pipe::default());
        let wire = Wire { up, down, end, address, client_open: true, forlorn: false };
        self.wires.insert(connection.0, wire);
        self.client.handle_dialled(self.now, connection, "hall:7000");
        let refused = self.wires.get(&connection.0).map(|wire| &wire.end);
        if let Some(End::Refused(bytes)) = refused {
            self.server_says_last(connection.0, bytes.clone());
        }
    }

    /// The client writes what it still has to say, then closes.
    fn client_closes(&mut self, number: u32) {
        self.send_up(number);
        let Some(wire) = self.wires.get_mut(&number) else { return };
        wire.client_open = false;
    }

    fn send_up(&mut self, number: u32) -> bool {
        let arrival = self.now + self.latency;
        let Some(wire) = self.wires.get_mut(&number) else { return false };
        let mut busy = wire.up.flush(arrival);
        if busy {
            self.client.handle_progress(self.now, ConnectionId(number));
        }
        let mut bytes = Vec::new();
        while wire.up.is_writable() && self.client.poll_transmit(self.now, ConnectionId(number), &mut bytes) {
            wire.up.write(arrival, std::mem::take(&mut bytes));
            busy = true;
        }
        busy
    }

    fn pump_wire(&mut self, number: u32) -> bool {
        let mut busy = self.send_up(number);
        busy |= self.deliver_up(number);
        busy |= self.drain_server(number);
        busy |= self.deliver_down(number);
        let now = self.now;
        let Some(wire) = self.wires.get_mut(&number) else { return busy };
        if wire.up.is_cut() || wire.down.is_cut() {
            self.break_wire(number, "connection reset by peer");
            return true;
        }
        // A closed end shows at the other when all that was written has arrived.
        let through = wire.up.in_flight.is_empty() && !wire.forlorn;
        if !wire.client_open && !wire.up.has_due(now) && through && !wire.is_closed() {
            let (end, address) = (std::mem::replace(&mut wire.end, End::Closed), wire.address);
            self.close_end(end, address);
            busy = true;
        }
        let Some(wire) = self.wires.get_mut(&number) else { return busy };
        if wire.is_closed() && wire.client_open && wire.down.in_flight.is_empty() {
            wire.client_open = false;
            self.client.handle_disconnected(now, ConnectionId(number), "closed by the peer");
            busy = true;
        }
        busy
    }

    fn deliver_up(&mut self, number: u32) -> bool {
        let mut busy = false;
        while let Some(bytes) = self.wires.get_mut(&number).and_then(|wire| wire.up.arrive(self.now)) {
            busy = true;
            self.server_reads(number, &bytes);
        }
        busy
    }

    fn deliver_down(&mut self, number: u32) -> bool {
        let mut busy = false;
        loop {
            let Some(wire) = self.wires.get_mut(&number) else { return busy };
            let Some(bytes) = wire.down.arrive(self.now) else { return busy };
            busy = true;
            if !wire.client_open {
                continue;
            }
            let connection = ConnectionId(number);
            wire.down.unread.extend_from_slice(&bytes);
            let used = self.client.handle_bytes(self.now, connection, &wire.down.unread);
            wire.down.unread.drain(..used);
            self.drain_client();
        }
    }
}
