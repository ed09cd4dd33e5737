//! The connections: what clients send over them, and what they are told.

use super::World;
use super::journal::{Journal, Words};
use crate::frames;
use crate::input::Input;
use crate::support::any::Any;
use crate::support::host::bind;
use crate::support::services::FREE;
use crate::support::wire::written;
use rpc_core::frame::{
    self, Cancel, Checksum, Chunk, Hello, Kind, Ping, Pong, Release, Reply, Request, SessionWish, Welcome,
};
use rpc_core::limits::{CHUNK_LEN_MIN, FRAME_MAX};
use rpc_core::server::{Admission, Arrival, Fresh, Handshake, Lane, Refusal};
use rpc_core::{Instant, Metadata, SessionId, SlotId, Token};
use std::collections::BTreeMap;

/// Open ones. One more than the server takes.
const LINES_MAX: usize = 8;

const PEERS: [&str; 2] = ["one", "other"];

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
    checksum: Checksum,
    opened: Instant,
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
    pinged: u64,
    /// What is left of a large message.
    large: Option<(SlotId, usize)>,
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
    fn some_line(&self, input: &mut Input<'_>) -> Option<usize> {
        let back = usize::from(input.byte());
        let open: Vec<usize> = (0..self.lines.len()).rev().filter(|at| self.lines[*at].is_open()).collect();
        open.get(back % open.len().max(1)).copied()
    }

    /// On a line of its own, or late on one that is there.
    pub(super) fn hello(&mut self, input: &mut Input<'_>) {
        let how = input.byte();
        if how & 1 == 0 {
            self.accept(PEERS[usize::from(how >> 3 & 1)]);
        }
        let Some(line) = self.some_line(input) else { return };
        let session = match (how >> 1 & 3, self.opened.len()) {
            (0, _) | (_, 0) => SessionWish::Open,
            (which, many) => {
                let (id, mut token) = self.opened[usize::from(input.byte()) % many];
                if which == 3 && how & 128 == 128 {
                    token = Token([0; 16]);
                }
                SessionWish::Resume { id, token }
            }
        };
        let hello = Hello {
            codecs: if how & 8 == 8 { vec![99, 1] } else { vec![1] },
            checksum: self.config.checksum,
            message_max: if how & 16 == 16 { 64 << 10 } else { 16 << 20 },
            slots: 1 + u32::from(how >> 5 & 3),
            connection: u32::from(input.byte()),
            session,
            ..Hello::default()
        };
        self.send(line, &written(|out| hello.write(out)), false);
        if how & 64 == 64 && session == SessionWish::Open {
            self.send(line, &bind(0, 0), false);
        }
    }

    /// Bytes from a client. `hold`: only with those that come later.
    fn send(&mut self, line: usize, bytes: &[u8], hold: bool) {
        self.lines[line].sent.extend_from_slice(bytes);
        if !hold {
            let all = self.lines[line].sent.len();
            self.arrive(line, all);
        }
    }

    fn arrive(&mut self, line: usize, many: usize) {
        let line = &mut self.lines[line];
        let many = many.min(line.sent.len());
        line.unread.extend(line.sent.drain(..many));
        line.fresh |= many > 0;
    }

    pub(super) fn request(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (what, id) = (input.byte(), frames::id(input));
        let method = u16::from(what & 3);
        let idempotent = FREE == method;
        let metadata = (what & 96 == 96).then(|| {
            let metadata: Metadata = [("k", "x".repeat(usize::from(input.below(20))))].into_iter().collect();
            frame::EncodedMetadata::new(&metadata).expect("it fits")
        });
        // Copies of a call are alike, but for one client in eight.
        let payload = [id.slot as u8, id.sequence as u8, u8::from(what >> 2 & 7 == 7)];
        let request = Request {
            id,
            method,
            deadline: self.connection_time(line, input),
            resent: what & 128 == 128,
            idempotent,
            metadata: metadata.as_ref().map(frame::EncodedMetadata::as_ref),
            total: None,
            payload: &payload,
        };
        let checksum = self.lines[line].checksum;
        self.send(line, &written(|out| request.write(out, checksum)), false);
    }

    /// Of a deadline, mostly soon.
    fn connection_time(&self, line: usize, input: &mut Input<'_>) -> u32 {
        let age = self.now.millis_since(self.lines[line].opened) as u32;
        match input.byte() {
            0 => age + 60_000,
            255 => input.u32(),
            some => (age + u32::from(some) * 20).saturating_sub(200),
        }
    }

    pub(super) fn cancel(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (what, id) = (input.byte(), frames::id(input));
        let bytes = match what & 15 {
            15 => written(|out| Release { ids: vec![id, frames::id(input)] }.write(out)),
            _ => written(|out| Cancel { id, want_reply: what & 1 == 1 }.write(out)),
        };
        self.send(line, &bytes, what & 128 == 128);
    }

    pub(super) fn bind(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let base = u16::from(input.byte());
        let mut bytes = bind(0, base % 8 * 3);
        if base & 128 == 128 {
            frames::change(input, &mut bytes, Checksum::Whole);
        }
        self.send(line, &bytes, false);
    }

    /// A large request begins, or goes on.
    pub(super) fn large(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let what = input.byte();
        let checksum = self.lines[line].checksum;
        let (id, left) = match self.lines[line].large {
            Some(large) if what & 1 == 0 => large,
            _ => {
                let id = frames::id(input);
                let total =
                    [CHUNK_LEN_MIN + 3, 3 * CHUNK_LEN_MIN, 90_000, 200_000][usize::from(what >> 1 & 3)];
                let part = vec![id.sequence as u8; CHUNK_LEN_MIN];
                let deadline = self.connection_time(line, input);
                let (total_, idempotent) = (Some(total as u32), what & 64 == 64);
                let method = u16::from(idempotent);
                let request = Request {
                    id,
                    method,
                    deadline,
                    idempotent,
                    total: total_,
                    payload: &part,
                    ..Request::default()
                };
                self.send(line, &written(|out| request.write(out, checksum)), false);
                self.lines[line].large = Some((id, total - part.len()));
                return;
            }
        };
        let most = if what & 2 == 2 { 60_000 } else { CHUNK_LEN_MIN };
        let part = vec![id.sequence as u8; left.min(most).max(1)];
        self.lines[line].large = (left > part.len()).then(|| (id, left - part.len()));
        self.send(line, &written(|out| Chunk { id, payload: &part }.write(out, checksum)), false);
    }

    pub(super) fn any_frame(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (how, checksum) = (input.byte(), self.lines[line].checksum);
        let bytes = match how & 3 {
            0 | 1 => written(|out| frames::legal(input).write(out, checksum)),
            2 => {
                let mut bytes = written(|out| frames::legal(input).write(out, checksum));
                frames::change(input, &mut bytes, checksum);
                bytes
            }
            _ => frames::sealed(input, checksum),
        };
        self.send(line, &bytes, how & 128 == 128);
    }

    pub(super) fn raw(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let bytes = input.block();
        self.send(line, bytes, false);
    }

    /// A part of what is on its way arrives.
    pub(super) fn deliver(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let many = usize::from(input.byte());
        self.arrive(line, many);
    }

    /// The server's last ping is answered, or the client sends one.
    pub(super) fn pong(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let number = self.lines[line].pinged;
        let bytes = match input.once_in(4) {
            true => written(|out| Ping { number: 7 }.write(out)),
            false => written(|out| Pong { number }.write(out)),
        };
        self.send(line, &bytes, false);
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
                    let asked = whole.then_some((message.method, message.payload));
                    words.parts |= !whole;
                    words.asked.extend(asked.clone());
                    journal.asks((session, message.id), asked, message.flags.1);
                    if whole && !message.flags.1 {
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
