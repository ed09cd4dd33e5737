//! A server's process: its endpoint, its sessions, and the calls that its driver makes.

use crate::clock::Clock;
use crate::coverage::Fault;
use crate::decisions::For;
use crate::hall::HALL;
use crate::journal::SessionKey;
use crate::network::{Ending, ServerEnd, Way, WireId, peer};
use crate::queue::Event;
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::frame::Hello;
use rpc_core::limits::CONNECTIONS_PER_SESSION;
use rpc_core::server::{Admission, Endpoint, Fresh, Handshake, Lane, Output, Refusal, Session};
use rpc_core::{Incarnation, Instant, ProtocolError, SessionId, SlotId, Token};
use std::collections::BTreeMap;
use std::time::Duration;

/// A server: its process may die, and another one take its place.
pub(crate) struct ServerHost {
    pub(crate) clock: Clock,
    /// It stands still until then.
    pub(crate) paused: Instant,
    pub(crate) disturbed: Disturbed,
    pub(crate) process: Option<Process>,
}

/// One run of a server's process.
pub(crate) struct Process {
    pub(crate) incarnation: u64,
    pub(crate) endpoint: Endpoint,
    pub(crate) sessions: BTreeMap<u64, SessionHost>,
    sessions_made: u64,
    pub(crate) draining: bool,
}

/// A session, with what its driver knows.
pub(crate) struct SessionHost {
    pub(crate) session: Box<Session>,
    pub(crate) lanes: [Option<WireId>; CONNECTIONS_PER_SESSION],
    armed: Instant,
    /// It is over, and its endpoint has forgotten it: only handlers that are asked for or run still know it.
    pub(crate) gone: bool,
    /// When it lost its last connection, and how long its server had stood still by then.
    pub(crate) detached: Option<(Instant, Disturbed)>,
    /// The client has closed it, or it was misused: that ends it without regard to its lease.
    pub(crate) closed: bool,
}

/// How a server's time was disturbed so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Disturbed {
    /// How long it stood still, all together.
    pub(crate) slept: Duration,
    /// How often that was, or its clock was changed.
    pub(crate) times: u32,
}

/// A handler that was asked for.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) key: SessionKey,
    pub(crate) at: SlotId,
    pub(crate) method: u16,
    pub(crate) idempotent: bool,
    pub(crate) payload: Vec<u8>,
    /// 2 if the request was marked as sent again.
    pub(crate) attempt: u8,
    pub(crate) state: RunState,
    /// What it will come to.
    pub(crate) outcome: crate::handlers::Outcome,
    pub(crate) seat: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    Queued,
    Running,
    Over,
}

impl World {
    pub(crate) fn add_server(&mut self, number: usize) {
        let start = Instant(7_000_000_000 * (1 + number as u64));
        let clock = Clock::starting(start, crate::clock::TRUE_RATE);
        self.servers.push(ServerHost {
            clock,
            paused: Instant(0),
            disturbed: Disturbed::default(),
            process: None,
        });
        self.start_process(number);
    }

    pub(crate) fn server_now(&self, server: usize) -> Instant {
        self.servers[server].clock.local(self.now)
    }

    /// A new process, which knows nothing.
    pub(crate) fn start_process(&mut self, server: usize) {
        if self.servers[server].process.is_some() {
            return;
        }
        self.incarnations += 1;
        let incarnation = self.incarnations;
        tell!(self, Host::Server(server), "starts as incarnation {incarnation}");
        let endpoint = Endpoint::new(self.plan.server.clone(), Incarnation(incarnation), vec![&HALL]);
        let sessions = BTreeMap::new();
        self.servers[server].process =
            Some(Process { incarnation, endpoint, sessions, sessions_made: 0, draining: false });
    }

    pub(crate) fn process(&mut self, key: &SessionKey) -> Option<&mut Process> {
        let process = self.servers.get_mut(key.server)?.process.as_mut()?;
        (process.incarnation == key.incarnation).then_some(process)
    }

    pub(crate) fn session(&mut self, key: &SessionKey) -> Option<&mut SessionHost> {
        self.process(key)?.sessions.get_mut(&key.session)
    }

    /// Bytes for a server.
    pub(crate) fn server_reads(&mut self, id: WireId, bytes: &[u8]) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.server_unread.extend_from_slice(bytes);
        match &mut wire.server_end {
            ServerEnd::Closed => wire.server_unread.clear(),
            ServerEnd::Handshake(handshake) => match handshake.handle_bytes(&wire.server_unread) {
                Ok(None) => {}
                Ok(Some((hello, used))) => {
                    wire.server_unread.drain(..used);
                    self.admit(id, &hello);
                    self.server_reads(id, &[]);
                }
                Err(error) => {
                    self.complain(id, &error);
                    self.say_last(id, Handshake::refusal(&error));
                }
            },
            ServerEnd::Attached { session, lane } => {
                let (server, incarnation, lane) = (wire.server, wire.incarnation, *lane);
                let key = SessionKey { server, incarnation, session: *session };
                self.session_reads(id, key, lane);
            }
        }
    }

    fn session_reads(&mut self, id: WireId, key: SessionKey, lane: Lane) {
        let now = self.server_now(key.server);
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let mut unread = std::mem::take(&mut wire.server_unread);
        let mut again = Vec::new();
        let late = !wire.client_open;
        let Some(host) = self.session(&key) else { return };
        let reads = host.session.reads(lane);
        if reads {
            let used = host.session.handle_bytes(now, lane, &unread);
            if late && used > 0 {
                self.coverage.hit(Fault::Late);
                self.read_late(key, &unread[..used]);
            }
            unread.drain(..used);
        }
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.unwanted = !reads;
            if unread.is_empty() {
                again = std::mem::take(&mut wire.again);
            }
            wire.server_unread = unread;
        }
        self.told_session(&key);
        for frame in again {
            self.deliver_again(id, &frame);
        }
    }

    /// A frame that was written before arrives once more, between two others.
    pub(crate) fn deliver_again(&mut self, id: WireId, frame: &[u8]) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let ServerEnd::Attached { session, lane } = wire.server_end else { return };
        if !wire.server_unread.is_empty() {
            wire.again.push(frame.to_vec());
            return;
        }
        let key = SessionKey { server: wire.server, incarnation: wire.incarnation, session };
        let now = self.server_now(key.server);
        let Some(host) = self.session(&key) else { return };
        host.session.handle_bytes(now, lane, frame);
        tell!(self, Host::Server(key.server), "{id} again: {}", crate::network::described(frame));
        if !self.healed {
            self.coverage.hit(Fault::Duplicate);
        }
        self.told_session(&key);
    }

    /// A `Hello` is there.
    fn admit(&mut self, id: WireId, hello: &Hello) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (server, incarnation, peer) = (wire.server, wire.incarnation, peer(wire.client));
        let token = u128::from(self.decisions.below(For::Network, u64::MAX)) | 1 << 127;
        let now = self.server_now(server);
        let Some(process) = self.servers[server].process.as_mut() else { return };
        let number = (incarnation << 20) + process.sessions_made + 1;
        let fresh = Fresh { session: SessionId(number), token: Token(token.to_le_bytes()) };
        process.sessions_made += 1;
        let (session, lane) = loop {
            let session = match process.endpoint.handle_hello(now, &peer, hello, fresh) {
                Admission::Open(session) => {
                    let number = session.id().0;
                    let lanes = Default::default();
                    let host = SessionHost {
                        session,
                        lanes,
                        armed: Instant::NEVER,
                        gone: false,
                        detached: None,
                        closed: false,
                    };
                    process.sessions.insert(number, host);
                    number
                }
                Admission::Resume(SessionId(session)) => session,
                Admission::Refuse(bytes) => return self.say_last(id, bytes),
            };
            let Some(host) = process.sessions.get_mut(&session) else {
                return self.violate(
                    "sessions",
                    format!("the endpoint knows session {session}, its driver does not"),
                );
            };
            match host.session.handle_connected(now, hello) {
                Ok(lane) => break (session, lane),
                Err(Refusal::Reject(bytes)) => return self.say_last(id, bytes),
                Err(Refusal::Over) => {
                    host.gone = true;
                    process.endpoint.handle_session_over(&host.session);
                }
            }
        };
        let key = SessionKey { server, incarnation, session };
        tell!(self, Host::Server(server), "{id} is attached to session {session} as lane {}", lane.0);
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.server_end = ServerEnd::Attached { session, lane };
            wire.session = Some(key);
        }
        if let Some(host) = self.session(&key) {
            host.detached = None;
        }
        if let Some(host) = self.session(&key)
            && let Some(former) = host.lanes[usize::from(lane.0)].replace(id)
        {
            // The fifth connection has taken the place of the oldest.
            self.write_end(former, Way::Down, Ending::Closed);
            self.close_server_end(former);
        }
        self.told_session(&key);
    }

    /// The last bytes on a connection that has no session.
    fn say_last(&mut self, id: WireId, bytes: Vec<u8>) {
        self.write(id, Way::Down, bytes);
        self.write_end(id, Way::Down, Ending::Closed);
        self.close_server_end(id);
    }

    /// The server's end of a connection is gone. What its session thinks of that is another matter.
    pub(crate) fn close_server_end(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.server_open()) else { return };
        let (server, incarnation, peer) = (wire.server, wire.incarnation, peer(wire.client));
        wire.server_end = ServerEnd::Closed;
        wire.up.clear();
        wire.server_unread = Vec::new();
        if let Some(process) = &mut self.servers[server].process
            && process.incarnation == incarnation
        {
            process.endpoint.handle_disconnected(&peer);
        }
        self.tidy(id);
    }

    /// A server notices that a connection is gone.
    pub(crate) fn server_loses(&mut self, id: WireId, why: &str) {
        let Some(wire) = self.wires.get(&id).filter(|wire| wire.server_open()) else { return };
        let server = wire.server;
        tell!(self, Host::Server(server), "loses {id}: {why}");
        let attached = match wire.server_end {
            ServerEnd::Attached { session, lane } => {
                Some((SessionKey { server, incarnation: wire.incarnation, session }, lane))
            }
            _ => None,
        };
        self.close_server_end(id);
        if let Some((key, lane)) = attached {
            let now = self.server_now(server);
            if let Some(host) = self.session(&key) {
                host.lanes[usize::from(lane.0)] = None;
                host.session.handle_disconnected(now, lane);
            }
            self.note_detached(&key);
            self.told_session(&key);
        }
    }

    /// Remembers since when a session has no connection.
    fn note_detached(&mut self, key: &SessionKey) {
        let (now, disturbed) = (self.now, self.servers[key.server].disturbed);
        if let Some(host) = self.session(key)
            && host.lanes.iter().all(Option::is_none)
        {
            host.detached = Some((now, disturbed));
        }
    }

    pub(crate) fn handshake_timer(&mut self, id: WireId) {
        if let Some(wire) = self.wires.get(&id)
            && matches!(wire.server_end, ServerEnd::Handshake(_))
        {
            self.say_last(id, Handshake::timed_out());
        }
    }

    pub(crate) fn session_timer(&mut self, server: usize, incarnation: u64, session: u64) {
        let key = SessionKey { server, incarnation, session };
        let (world, now) = (self.now, self.server_now(server));
        let Some(host) = self.session(&key) else { return };
        if host.armed > world {
            return;
        }
        host.armed = Instant::NEVER;
        host.session.handle_timeout(now);
        self.told_session(&key);
    }

    /// The engine was told something: does what it wants, and writes what it has.
    pub(crate) fn told_session(&mut self, key: &SessionKey) {
        self.drain_session(key);
        self.transmit_session(key);
        self.drain_session(key);
        self.check_memory(key);
        let Some(process) = self.process(key) else { return };
        let over = |host: &SessionHost| {
            !host.gone && host.session.is_over() && host.lanes.iter().all(Option::is_none)
        };
        if let Some(host) = process.sessions.get_mut(&key.session).filter(|host| over(host)) {
            host.gone = true;
            process.endpoint.handle_session_over(&host.session);
            tell!(self, Host::Server(key.server), "session {} is over", key.session);
            self.check_lease(key);
        }
    }

    fn drain_session(&mut self, key: &SessionKey) {
        loop {
            let Some(host) = self.session(key) else { return };
            match host.session.poll_output() {
                Output::Wait(until) => return self.arm_session(key, until),
                Output::Execute(execute) => self.queue_handler(*key, execute),
                Output::Stop { at, drop } => self.stop_handler(key, at, drop),
                Output::Close(lane, error) => self.session_closes(key, lane, error),
            }
        }
    }

    /// Its clock has changed: its timers are set anew.
    pub(crate) fn rearm_server(&mut self, server: usize) {
        let Some(process) = self.servers[server].process.as_mut() else { return };
        let incarnation = process.incarnation;
        let sessions: Vec<u64> = process.sessions.keys().copied().collect();
        for session in sessions {
            let key = SessionKey { server, incarnation, session };
            if let Some(host) = self.session(&key) {
                host.armed = Instant::NEVER;
            }
            self.drain_session(&key);
        }
    }

    fn arm_session(&mut self, key: &SessionKey, until: Instant) {
        let when = self.servers[key.server].clock.world(until);
        let now = self.now;
        let Some(host) = self.session(key) else { return };
        if when == Instant::NEVER || when >= host.armed {
            return;
        }
        let when = when.max(now + Duration::from_micros(1));
        host.armed = when;
        let SessionKey { server, incarnation, session } = *key;
        self.queue.push(when, Event::SessionTimer { server, incarnation, session });
    }

    fn session_closes(&mut self, key: &SessionKey, lane: Lane, error: Option<ProtocolError>) {
        self.transmit_lane(key, lane);
        let now = self.server_now(key.server);
        let Some(host) = self.session(key) else { return };
        let Some(id) = host.lanes[usize::from(lane.0)].take() else { return };
        host.session.handle_disconnected(now, lane);
        host.closed |= host.session.is_over();
        self.note_detached(key);
        tell!(self, Host::Server(key.server), "closes {id}: {error:?}");
        if let Some(error) = error {
            self.complain(id, &error);
        }
        self.write_end(id, Way::Down, Ending::Closed);
        self.close_server_end(id);
    }

    fn transmit_session(&mut self, key: &SessionKey) {
        for lane in 0..CONNECTIONS_PER_SESSION {
            self.transmit_lane(key, Lane(lane as u8));
        }
    }

    fn transmit_lane(&mut self, key: &SessionKey, lane: Lane) {
        let (world, now) = (self.now, self.server_now(key.server));
        loop {
            let Some(host) = self.session(key) else { return };
            let Some(id) = host.lanes[usize::from(lane.0)] else { return };
            let Some(wire) = self.wires.get_mut(&id) else { return };
            let mut bytes = Vec::new();
            let writable = wire.down.is_writable();
            let Some(host) = self.session(key) else { return };
            if !writable || !host.session.poll_transmit(now, lane, &mut bytes) {
                if host.session.reads(lane)
                    && let Some(wire) = self.wires.get_mut(&id)
                    && std::mem::take(&mut wire.unwanted)
                {
                    self.queue.push(world, Event::Arrival(id, Way::Up));
                }
                return;
            }
            self.write(id, Way::Down, bytes);
        }
    }

    /// A full pipe has taken more.
    pub(crate) fn server_may_write(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(&id) else { return };
        let ServerEnd::Attached { session, lane } = wire.server_end else { return };
        let key = SessionKey { server: wire.server, incarnation: wire.incarnation, session };
        let now = self.server_now(key.server);
        if let Some(host) = self.session(&key) {
            host.session.handle_progress(now, lane);
        }
        self.told_session(&key);
    }

    /// A process goes, with everything that it knows.
    pub(crate) fn kill(&mut self, server: usize) -> Option<Process> {
        let process = self.servers[server].process.take()?;
        tell!(self, Host::Server(server), "incarnation {} is gone", process.incarnation);
        for run in &mut self.runs {
            if run.key.server == server && run.key.incarnation == process.incarnation {
                run.state = RunState::Over;
            }
        }
        Some(process)
    }

    /// Connections whose end at a server is open.
    pub(crate) fn wires_of(&self, server: usize) -> Vec<WireId> {
        let open = self.wires.iter().filter(|(_, wire)| wire.server == server && wire.server_open());
        open.map(|(id, _)| *id).collect()
    }
}
