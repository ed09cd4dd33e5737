//! A server's engines alone, under a clock that only moves when it is told to. The tests play its clients, with frames, over as
//! many connections as they like.

use super::PEER;
use super::services::HALL;
use super::wire::{frames, written};
use rpc_core::frame::{
    self, Answer, Bind, BindMethod, Cancel, Checksum, Hello, Kind, Reply, Request, SessionWish, Welcome,
};
use rpc_core::server::{
    Admission, Arrival, Begin, Completion, Config, Endpoint, Execute, Fresh, Lane, Output, Refusal, Session,
};
use rpc_core::{Incarnation, Instant, SessionId, SlotId, Token};
use std::collections::BTreeMap;
use std::time::Duration;

pub struct Host {
    pub now: Instant,
    pub endpoint: Endpoint,
    pub sessions: BTreeMap<SessionId, Box<Session>>,
    lines: Vec<Line>,
    opened: u64,
    /// Handlers that wait for their turn.
    pub queued: Vec<(SessionId, SlotId)>,
    pub stopped: Vec<(SlotId, bool)>,
}

/// One connection.
struct Line {
    peer: &'static str,
    /// None once it is closed.
    place: Option<(SessionId, Lane)>,
    /// What the server has said and nobody has looked at.
    said: Vec<u8>,
}

/// A connection, by its number.
pub type At = usize;

/// A hello that opens a session.
pub fn opening() -> Hello {
    Hello { connection: 1, slots: 1024, ..Hello::default() }
}

/// A hello that resumes one.
pub fn resuming(welcome: &Welcome, connection: u32) -> Hello {
    let session = SessionWish::Resume { id: welcome.session, token: welcome.token };
    Hello { connection, session, ..opening() }
}

/// A binding of [`HALL`] from this index on.
pub fn bind(number: u32, base: u16) -> Vec<u8> {
    let method = |method: &rpc_core::service::Method| BindMethod {
        name: method.name.to_owned(),
        fingerprint: method.fingerprint(),
        idempotent: method.idempotent,
        since: method.since,
    };
    let methods = HALL.methods.iter().map(method).collect();
    let bind = Bind { number, base, service: HALL.name.to_owned(), version: HALL.version, methods };
    written(|out| bind.write(out))
}

/// A request with a minute's time.
pub fn ask(at: SlotId, method: u16, payload: &[u8]) -> Vec<u8> {
    ask_with(at, method, payload, |_| {})
}

pub fn ask_with(at: SlotId, method: u16, payload: &[u8], change: impl Fn(&mut Request<'_>)) -> Vec<u8> {
    let idempotent = HALL.methods[usize::from(method) % 3].idempotent;
    let mut request = Request { id: at, method, deadline: 60_000, idempotent, payload, ..Request::default() };
    change(&mut request);
    written(|out| request.write(out, Checksum::Whole))
}

pub fn cancel(at: SlotId, want_reply: bool) -> Vec<u8> {
    written(|out| Cancel { id: at, want_reply }.write(out))
}

impl Host {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Self {
            now: Instant(1_000_000_000),
            endpoint: Endpoint::new(config, Incarnation(1), vec![&HALL]),
            sessions: BTreeMap::new(),
            lines: Vec::new(),
            opened: 0,
            queued: Vec::new(),
            stopped: Vec::new(),
        }
    }

    /// A connection that says hello. What it is told is left to be read.
    pub fn connect(&mut self, hello: &Hello) -> At {
        self.connect_from(PEER, hello)
    }

    /// The same, from another host.
    pub fn connect_from(&mut self, peer: &'static str, hello: &Hello) -> At {
        let at = self.lines.len();
        self.lines.push(Line { peer, place: None, said: Vec::new() });
        match self.endpoint.handle_connected(self.now, peer) {
            Arrival::Handshake(_) => {
                self.admit(at, hello);
                self.drain();
            }
            Arrival::Refuse(bytes) => {
                self.lines[at].said = bytes;
                self.endpoint.handle_disconnected(peer);
            }
            Arrival::Drop => {}
        }
        at
    }

    fn admit(&mut self, at: At, hello: &Hello) {
        let peer = self.lines[at].peer;
        self.opened += 1;
        let fresh = Fresh { session: SessionId(self.opened), token: Token([self.opened as u8; 16]) };
        let id = match self.endpoint.handle_hello(self.now, peer, hello, fresh) {
            Admission::Open(session) => {
                self.sessions.insert(session.id(), session);
                fresh.session
            }
            Admission::Resume(id) => id,
            Admission::Refuse(bytes) => {
                self.lines[at].said = bytes;
                return self.endpoint.handle_disconnected(peer);
            }
        };
        let session = self.sessions.get_mut(&id).expect("the endpoint knows it");
        match session.handle_connected(self.now, hello) {
            Ok(lane) => {
                if let Some(former) = self.lines.iter_mut().find(|line| line.place == Some((id, lane))) {
                    former.place = None;
                    self.endpoint.handle_disconnected(former.peer);
                }
                self.lines[at].place = Some((id, lane));
            }
            Err(Refusal::Reject(bytes)) => {
                self.lines[at].said = bytes;
                self.endpoint.handle_disconnected(peer);
            }
            Err(Refusal::Over) => {
                self.endpoint.handle_session_over(session);
                self.admit(at, hello);
            }
        }
    }

    /// A new session, bound to [`HALL`]: its first connection, and what it was told.
    pub fn open(&mut self) -> (At, Welcome) {
        self.open_from(PEER)
    }

    pub fn open_from(&mut self, peer: &'static str) -> (At, Welcome) {
        let at = self.connect_from(peer, &opening());
        let welcome = self.welcome(at);
        self.send(at, &bind(0, 0));
        assert_eq!(self.kinds(at), [Kind::Bound]);
        (at, welcome)
    }

    /// A further connection of a session.
    pub fn resume(&mut self, welcome: &Welcome, connection: u32) -> At {
        let at = self.connect(&resuming(welcome, connection));
        let again = self.welcome(at);
        assert!(again.resumed && again.session == welcome.session, "{again:?}");
        at
    }

    /// The welcome that a connection is told.
    pub fn welcome(&mut self, at: At) -> Welcome {
        let said = self.said(at);
        let (header, body) = frame::split(&said, Checksum::Whole).expect("sound").expect("whole");
        assert_eq!(header.kind, Kind::Welcome);
        let rest = said[header.length as usize..].to_vec();
        self.lines[at].said = rest;
        Welcome::read(&header, body).expect("a welcome")
    }

    /// Bytes from the client. Those for a closed connection are lost.
    pub fn send(&mut self, at: At, bytes: &[u8]) {
        if let Some((id, lane)) = self.lines[at].place {
            let session = self.sessions.get_mut(&id).expect("it has a connection");
            let used = session.handle_bytes(self.now, lane, bytes);
            assert_eq!(used, bytes.len(), "whole frames");
            self.drain();
        }
    }

    /// Bytes from the client of which the last frame is not whole: what is left is shown again by the test.
    pub fn send_part(&mut self, at: At, bytes: &[u8]) {
        if let Some((id, lane)) = self.lines[at].place {
            self.sessions.get_mut(&id).expect("it has a connection").handle_bytes(self.now, lane, bytes);
            self.drain();
        }
    }

    /// What a connection was told since the last look.
    pub fn said(&mut self, at: At) -> Vec<u8> {
        std::mem::take(&mut self.lines[at].said)
    }

    pub fn kinds(&mut self, at: At) -> Vec<Kind> {
        frames(&self.said(at)).into_iter().map(|(kind, _)| kind).collect()
    }

    /// The answers that a connection was given since the last look; nothing else came.
    pub fn answers(&mut self, at: At) -> Vec<(SlotId, Answer)> {
        self.read(at, |reply| (reply.id, reply.answer))
    }

    /// The same, each read by the test.
    pub fn read<T>(&mut self, at: At, read: impl Fn(Reply<'_>) -> T) -> Vec<T> {
        let all = frames(&self.said(at));
        all.iter()
            .map(|(kind, frame)| {
                assert_eq!(*kind, Kind::Reply);
                read(super::wire::reply(frame))
            })
            .collect()
    }

    pub fn is_open(&self, at: At) -> bool {
        self.lines[at].place.is_some()
    }

    /// A connection breaks.
    pub fn cut(&mut self, at: At) {
        let (id, lane) = self.lines[at].place.take().expect("it is open");
        self.endpoint.handle_disconnected(self.lines[at].peer);
        self.sessions.get_mut(&id).expect("it had a connection").handle_disconnected(self.now, lane);
        self.drain();
    }

    /// The turn of all queued handlers has come. Those that start.
    pub fn begin(&mut self) -> Vec<SlotId> {
        let mut begun = Vec::new();
        for (id, at) in std::mem::take(&mut self.queued) {
            match self.sessions.get_mut(&id).map_or(Begin::Never, |session| session.begin(self.now, at)) {
                Begin::Now => begun.push(at),
                Begin::Later { .. } => self.queued.push((id, at)),
                Begin::Never => {}
            }
        }
        self.drain();
        begun
    }

    /// A handler of a session ends.
    pub fn complete(&mut self, welcome: &Welcome, at: SlotId, completion: Completion) {
        if let Some(session) = self.sessions.get_mut(&welcome.session) {
            session.complete(self.now, at, completion);
        }
        self.drain();
    }

    /// A call from its request to its reply.
    pub fn call(&mut self, line: At, welcome: &Welcome, at: SlotId, method: u16, reply: &[u8]) {
        self.send(line, &ask(at, method, b"seat"));
        assert_eq!(self.begin(), [at]);
        self.complete(welcome, at, Completion::Ok(reply.to_vec()));
    }

    pub fn session(&mut self, welcome: &Welcome) -> &mut Session {
        self.sessions.get_mut(&welcome.session).expect("it is known")
    }

    /// Time goes on, with all that happens meanwhile. Clients answer no pings.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..100_000 {
            let waits = self.sessions.values_mut().map(|session| match session.poll_output() {
                Output::Wait(wait) => wait,
                other => panic!("drained before: {other:?}"),
            });
            let next = waits.min().unwrap_or(Instant::NEVER).min(until);
            self.now = self.now.max(next);
            self.tick();
            if next == until {
                return;
            }
        }
        panic!("time does not go on");
    }

    /// The process was stopped, and goes on.
    pub fn pause(&mut self, time: Duration) {
        self.now = self.now + time;
        self.tick();
    }

    fn tick(&mut self) {
        self.sessions.values_mut().for_each(|session| session.handle_timeout(self.now));
        self.drain();
    }

    /// Does what the sessions ask for, as a driver would.
    pub fn drain(&mut self) {
        for (id, session) in &mut self.sessions {
            loop {
                match session.poll_output() {
                    Output::Wait(_) => break,
                    Output::Execute(Execute { at, .. }) => self.queued.push((*id, at)),
                    Output::Stop { at, drop } => self.stopped.push((at, drop)),
                    Output::Close(lane, _) => {
                        let Some(line) = self.lines.iter_mut().find(|line| line.place == Some((*id, lane)))
                        else {
                            continue;
                        };
                        while session.poll_transmit(self.now, lane, &mut line.said) {}
                        line.place = None;
                        self.endpoint.handle_disconnected(line.peer);
                        session.handle_disconnected(self.now, lane);
                    }
                }
            }
            for line in &mut self.lines {
                if let Some((_, lane)) = line.place.filter(|(of, _)| of == id) {
                    while session.poll_transmit(self.now, lane, &mut line.said) {}
                }
            }
        }
        self.sessions.retain(|id, session| {
            let over = session.is_over()
                && !self.lines.iter().any(|line| line.place.is_some_and(|(of, _)| of == *id));
            if over {
                self.endpoint.handle_session_over(session);
            }
            !over
        });
    }
}

/// The first call of the first slot.
pub const FIRST: SlotId = SlotId { slot: 0, sequence: 1 };
/// The second.
pub const SECOND_CALL: SlotId = SlotId { slot: 0, sequence: 2 };
