//! The connections: what the server makes of what arrives, and what clients are told.

use super::World;
use super::journal::{Journal, Words};
use crate::input::Input;
use crate::support::any::Any;
use crate::support::host::bind;
use crate::support::services::HALL;
use crate::support::wire::written;
use rpc_core::frame::{self, Checksum, Chunk, Hello, Kind, Ping, Pong, Reply, SessionWish, Welcome};
use rpc_core::limits::FRAME_MAX;
use rpc_core::server::{Admission, Arrival, Fresh, Handshake, Lane, Refusal};
use rpc_core::{Instant, SessionId, SlotId, Token};
use std::collections::BTreeMap;

/// Open ones. One more than the server takes.
const LINES_MAX: usize = 8;

pub(super) const PEERS: [&str; 2] = ["one", "other"];

/// The server's end.
pub(super) enum Place {
    Handshake(Handshake),
    Attached(SessionId, Lane),
    Closed,
}

pub(super) struct Line {
    pub(super) place: Place,
    peer: &'static str,
    /// Of payloads, as both sides have agreed.
    pub(super) checksum: Checksum,
    pub(super) opened: Instant,
    /// Sent by the client, and on its way.
    sent: Vec<u8>,
    /// Arrived, and not used.
    unread: Vec<u8>,
    /// Something of it has not been shown to the engine.
    fresh: bool,
    /// Written by the server, and not read.
    said: Vec<u8>,
    /// The session that it belongs to, or belonged to.
    of: Option<SessionId>,
    welcomed: bool,
    /// The number of the server's last ping.
    pub(super) pinged: u64,
    /// What is left of a large message.
    pub(super) large: Option<(SlotId, usize)>,
    /// What it has said of each number.
    words: BTreeMap<SlotId, Words>,
    /// Numbers that it waits for an answer to. `true`: to a fence, which is always answered.
    owed: BTreeMap<SlotId, bool>,
}

impl Line {
    /// That it is attached to.
    pub(super) fn session(&self) -> Option<SessionId> {
        match self.place {
            Place::Attached(id, _) => Some(id),
            _ => None,
        }
    }

    fn is_open(&self) -> bool {
        !matches!(self.place, Place::Closed)
    }
}

impl World {
    pub(super) fn accept(&mut self, peer: &'static str) {
        if self.lines.iter().filter(|line| line.is_open()).count() >= LINES_MAX {
            return;
        }
        let handshake = match self.endpoint.handle_connected(self.now, peer) {
            Arrival::Handshake(handshake) => handshake,
            Arrival::Refuse(_) => return self.endpoint.handle_disconnected(peer),
            Arrival::Drop => return,
        };
        self.lines.push(Line {
            place: Place::Handshake(handshake),
            peer,
            checksum: Checksum::Whole,
            opened: self.now,
            sent: Vec::new(),
            unread: Vec::new(),
            fresh: false,
            said: Vec::new(),
            of: None,
            welcomed: false,
            pinged: 0,
            large: None,
            words: BTreeMap::new(),
            owed: BTreeMap::new(),
        });
    }

    /// A client that is let in and has bound.
    pub(super) fn open_bound(&mut self) {
        self.accept(PEERS[0]);
        let hello = Hello { slots: 4, checksum: self.config.checksum, ..Hello::default() };
        self.send(0, &written(|out| hello.write(out)), false);
        self.send(0, &bind(0, 0), false);
        self.settle();
    }

    /// One of the open lines, the last ones first.
    pub(super) fn some_line(&self, input: &mut Input<'_>) -> Option<usize> {
        let back = usize::from(input.byte());
        let open: Vec<usize> = (0..self.lines.len()).rev().filter(|at| self.lines[*at].is_open()).collect();
        open.get(back % open.len().max(1)).copied()
    }

    /// Bytes from a client. `hold`: only with those that come later.
    pub(super) fn send(&mut self, line: usize, bytes: &[u8], hold: bool) {
        self.lines[line].sent.extend_from_slice(bytes);
        if !hold {
            let all = self.lines[line].sent.len();
            self.arrive(line, all);
        }
    }

    pub(super) fn arrive(&mut self, line: usize, many: usize) {
        let line = &mut self.lines[line];
        let many = many.min(line.sent.len());
        line.unread.extend(line.sent.drain(..many));
        line.fresh |= many > 0;
    }

    /// A slow client takes what was written for it.
    pub(super) fn take(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        self.transmit(line);
        if let Place::Attached(id, lane) = self.lines[line].place
            && let Some(session) = self.sessions.get_mut(&id)
        {
            session.handle_progress(self.now, lane);
        }
    }

    pub(super) fn cut(&mut self, input: &mut Input<'_>) {
        if let Some(line) = self.some_line(input) {
            self.cut_line(line);
        }
    }

    pub(super) fn cut_line(&mut self, line: usize) {
        let place = std::mem::replace(&mut self.lines[line].place, Place::Closed);
        if matches!(place, Place::Closed) {
            return;
        }
        self.endpoint.handle_disconnected(self.lines[line].peer);
        if let Place::Attached(id, lane) = place
            && let Some(session) = self.sessions.get_mut(&id)
        {
            session.handle_disconnected(self.now, lane);
        }
    }

    pub(super) fn time_out_handshakes(&mut self) {
        for line in 0..self.lines.len() {
            if let Place::Handshake(handshake) = &self.lines[line].place
                && self.now >= handshake.deadline()
            {
                self.lines[line].said.extend(Handshake::timed_out());
                self.cut_line(line);
            }
        }
    }

    /// The session has nothing to do with a connection any more.
    pub(super) fn closes(&mut self, id: SessionId, lane: Lane) {
        let at = |line: &Line| matches!(line.place, Place::Attached(of, at) if (of, at) == (id, lane));
        let Some(line) = self.lines.iter().position(at) else { return };
        self.transmit(line);
        self.cut_line(line);
    }

    /// What has arrived is read, what is written is looked at.
    pub(super) fn move_bytes(&mut self) -> bool {
        let mut busy = false;
        for line in 0..self.lines.len() {
            busy |= self.read(line);
            if !self.slow {
                self.transmit(line);
            }
            self.listen(line);
        }
        busy
    }

    fn read(&mut self, line: usize) -> bool {
        let now = self.now;
        let this = &mut self.lines[line];
        let before = this.unread.len();
        if !this.fresh {
            return false;
        }
        match &mut this.place {
            Place::Closed => {
                this.unread.clear();
                this.fresh = false;
            }
            Place::Handshake(handshake) => match handshake.handle_bytes(&this.unread) {
                Ok(None) => {
                    assert!(before < FRAME_MAX, "a handshake waits for more than a frame");
                    this.fresh = false;
                }
                Ok(Some((hello, used))) => {
                    this.unread.drain(..used);
                    self.admit(line, &hello);
                }
                Err(error) => {
                    this.said.extend(Handshake::refusal(&error));
                    self.cut_line(line);
                }
            },
            Place::Attached(id, lane) => {
                let Some(session) = self.sessions.get_mut(id) else { panic!("{id} went with a connection") };
                if session.reads(*lane) {
                    let (id, lane) = (*id, *lane);
                    if !session.is_over() {
                        this.note(id, &mut self.journal);
                    }
                    let used = session.handle_bytes(now, lane, &this.unread);
                    this.unread.drain(..used);
                    this.fresh = false;
                    assert!(this.unread.len() < FRAME_MAX, "a session waits for more than a frame");
                }
            }
        }
        self.lines[line].unread.len() != before
    }

    fn admit(&mut self, line: usize, hello: &Hello) {
        let number = self.opened.len() as u64 + 1;
        let fresh = Fresh { session: SessionId(number), token: Token([number as u8; 16]) };
        let id = match self.endpoint.handle_hello(self.now, self.lines[line].peer, hello, fresh) {
            Admission::Open(session) => {
                self.opened.push((fresh.session, fresh.token));
                self.sessions.insert(fresh.session, session);
                fresh.session
            }
            Admission::Resume(id) => {
                let wish = SessionWish::Resume { id, token: self.opened[id.0 as usize - 1].1 };
                assert!(hello.session == wish, "a session is resumed without its token");
                id
            }
            Admission::Refuse(bytes) => return self.refuse(line, &bytes),
        };
        let session = self.sessions.get_mut(&id).expect("the endpoint knows it");
        match session.handle_connected(self.now, hello) {
            Ok(lane) => {
                let at =
                    |line: &Line| matches!(line.place, Place::Attached(of, at) if (of, at) == (id, lane));
                if let Some(former) = self.lines.iter_mut().find(|line| at(line)) {
                    former.place = Place::Closed;
                    self.endpoint.handle_disconnected(former.peer);
                }
                self.lines[line].place = Place::Attached(id, lane);
                self.lines[line].opened = self.now;
                self.lines[line].of = Some(id);
            }
            Err(Refusal::Reject(bytes)) => self.refuse(line, &bytes),
            Err(Refusal::Over) => {
                self.endpoint.handle_session_over(session);
                self.admit(line, hello);
            }
        }
    }

    fn refuse(&mut self, line: usize, bytes: &[u8]) {
        self.lines[line].said.extend(bytes);
        self.cut_line(line);
    }

    /// What the server has for a line is written. It cannot be more than there is room for.
    fn transmit(&mut self, line: usize) {
        let limits = &self.config.limits;
        let room = limits.outgoing_max.max(limits.backlog_max) + limits.message_max + 8 * FRAME_MAX;
        let Line { place: Place::Attached(id, lane), said, .. } = &mut self.lines[line] else { return };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let before = said.len();
        while session.poll_transmit(self.now, *lane, said) {}
        assert!(said.len() - before <= room, "{} bytes waited to be written", said.len() - before);
    }

    /// The client reads what it was told: whole frames of the kinds that a server sends.
    fn listen(&mut self, line: usize) {
        let this = &mut self.lines[line];
        if !this.welcomed && this.said.starts_with(b"HTTP/1.1 400") {
            return this.said.clear();
        }
        let (stream, session) = (std::mem::take(&mut this.said), this.of);
        let mut rest = &stream[..];
        while let Some((header, body)) = frame::split(rest, this.checksum).expect("a frame of the server") {
            rest = &rest[header.length as usize..];
            match header.kind {
                Kind::Welcome => {
                    assert!(!this.welcomed, "a second welcome");
                    let welcome = Welcome::read(&header, body).expect("a welcome");
                    (this.welcomed, this.checksum) = (true, welcome.checksum);
                    assert!(welcome.slots <= self.config.limits.slots);
                    assert_eq!(Some(welcome.session), session);
                }
                Kind::Reject => drop(frame::Reject::read(&header, body).expect("a reject")),
                Kind::Bound => drop(frame::Bound::read(&header, body).expect("a bound")),
                Kind::Reply => {
                    let reply = Reply::read(&header, body).expect("a reply");
                    assert!(this.welcomed);
                    if let Some(session) = session {
                        let words = this.words.entry(reply.id).or_default();
                        self.journal.said(session, &reply, words);
                    }
                    this.owed.remove(&reply.id);
                }
                Kind::Chunk => drop(Chunk::read(&header, body).expect("a chunk")),
                Kind::Ping => this.pinged = Ping::read(&header, body).expect("a ping").number,
                Kind::Pong => drop(Pong::read(&header, body).expect("a pong")),
                Kind::GoAway => drop(frame::GoAway::read(&header, body).expect("it goes away")),
                Kind::Close => drop(frame::Close::read(&header, body).expect("a close")),
                other => panic!("a server sends {other:?}"),
            }
        }
        assert!(rest.is_empty(), "a part of a frame");
    }

    /// All handlers have ended: nobody waits any more, but for numbers that were left behind.
    pub(super) fn look_for_answers(&self) {
        for line in self.lines.iter().filter(|line| line.is_open()) {
            let Some(session) = line.session() else { continue };
            for (at, fence) in &line.owed {
                assert!(!fence && !self.journal.is_owed((session, *at)), "{at:?} of {session} has no answer");
            }
        }
    }
}

impl Line {
    /// What the whole frames say that the session is about to read.
    fn note(&mut self, session: SessionId, journal: &mut Journal) {
        let mut bytes = &self.unread[..];
        while let Ok(Some((header, body))) = frame::split(bytes, self.checksum) {
            bytes = &bytes[header.length as usize..];
            match Any::read(&header, body) {
                Ok(Any::Request(message)) => {
                    let words = self.words.entry(message.id).or_default();
                    let whole = message.total.is_none();
                    // What comes again on the same line and is refused whatever it is a copy of may be dropped.
                    let first = words.asked.is_empty() && !words.parts;
                    let sound =
                        usize::from(message.method) < HALL.methods.len() && message.metadata.is_none();
                    let asked = whole.then_some((message.method, message.payload));
                    words.parts |= !whole;
                    words.asked.extend(asked.clone());
                    journal.asks((session, message.id), asked, message.flags.1);
                    if whole && !message.flags.1 && (first || sound) {
                        self.owed.entry(message.id).or_insert(false);
                    }
                }
                Ok(Any::Cancel(cancel)) => {
                    let words = self.words.entry(cancel.id).or_default();
                    words.cancelled = true;
                    words.careless |= !cancel.want_reply;
                    journal.cancels((session, cancel.id));
                    self.owed.insert(cancel.id, true);
                }
                Ok(Any::Release(release)) => {
                    release.ids.into_iter().for_each(|id| journal.releases((session, id)));
                }
                Ok(Any::Close(_)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}
