//! The connections: what the client writes, and that what it makes of its answers was said.

use super::World;
use crate::input::Input;
use crate::support::any::Any;
use rpc_core::client::ConnectionId;
use rpc_core::frame::{self, Answer, Bind, BoundMethod, Checksum, Kind, SessionWish};
use rpc_core::limits::FRAME_MAX;
use rpc_core::{BindError, Error, Execution, RequestId, SessionId, SlotId};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Line {
    id: ConnectionId,
    open: bool,
    /// Of payloads, from the welcome on.
    pub(super) checksum: Checksum,
    /// Said by the server, and on its way.
    pub(super) said: Vec<u8>,
    /// Arrived, and not used.
    unread: Vec<u8>,
    fresh: bool,
    /// Written by the client, and not read.
    written: Vec<u8>,
    /// What the client wished for.
    pub(super) wish: Option<SessionWish>,
    session: Option<SessionId>,
    /// It was let in unasked.
    obliged: bool,
    /// Bindings that the client asked for and that were not answered.
    pub(super) asked: Vec<Bind>,
    /// Requests and fences that were written.
    pub(super) requests: Vec<SlotId>,
    pub(super) cancels: Vec<SlotId>,
    /// What is left of requests in parts.
    parts: BTreeMap<SlotId, usize>,
    pub(super) pinged: u64,
    /// What is left of a large reply.
    pub(super) large: Option<(SlotId, usize)>,
}

impl Line {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }
}

/// What the client was told of its requests.
#[derive(Default)]
pub(super) struct Told {
    /// Requests that were written, at least in part. `true`: they may run again.
    requests: BTreeMap<RequestId, bool>,
    /// The connections to which all of a request was written, and those on which it was refused.
    copies: BTreeSet<(RequestId, ConnectionId)>,
    refusals: BTreeSet<(RequestId, ConnectionId)>,
    /// Fences that were written.
    fences: BTreeSet<RequestId>,
    answers: BTreeSet<(RequestId, u16)>,
    sessions: BTreeSet<SessionId>,
    /// One number was given to two sessions: what is told of one may be of the other.
    confused: bool,
}

impl Told {
    fn any_of(&self, id: RequestId, answers: &[Answer]) -> bool {
        answers.iter().any(|answer| self.answers.contains(&(id, *answer as u16)))
    }

    /// A request is written: nothing may be open of the calls that had its slot before.
    fn requested(&mut self, id: RequestId, idempotent: bool) {
        self.requests.insert(id, idempotent);
        let least = RequestId { at: SlotId { sequence: 0, ..id.at }, ..id };
        for (before, idempotent) in self.requests.range(least..id) {
            let open = !idempotent && self.fences.contains(before);
            let open = open && !Answer::ALL.iter().any(|answer| self.any_of(*before, &[*answer]));
            assert!(self.confused || !open, "{id} is written while {before} is not settled");
        }
    }

    /// A call has ended with a result.
    pub(super) fn result(&self, id: RequestId) {
        assert!(
            self.confused || self.any_of(id, &[Answer::Ok, Answer::Application]),
            "{id} has a result that nobody sent"
        );
    }

    /// A call has ended without one, and it is known whether it ran.
    pub(super) fn verdict(&self, id: RequestId, execution: Execution, error: &Error) {
        use Answer::{Application, Executed, Failed, Fenced, Ok};
        let right = match execution {
            Execution::Executed => self.any_of(id, &[Ok, Application, Failed, Executed]),
            Execution::NotExecuted => {
                let mut copies = self.copies.iter().filter(|(of, _)| *of == id);
                self.any_of(id, &[Fenced]) || copies.all(|copy| self.refusals.contains(copy))
            }
            Execution::Unknown => true,
        };
        assert!(self.confused || right, "nobody has said so of {id}: {error}");
    }
}

impl World {
    /// The oldest dial comes to something.
    pub(super) fn dial(&mut self, input: &mut Input<'_>) {
        let how = input.byte();
        if self.dialling.is_empty() {
            return;
        }
        let (id, address) = self.dialling.remove(0);
        match how {
            0..192 => self.open(id, address),
            192..224 => self.client.handle_dial_failed(self.now, id, World::unreachable()),
            224..240 => {
                let error = BindError::StreamEnded { address: "?".to_owned() };
                self.client.handle_dial_failed(self.now, id, error);
            }
            _ => {
                let (address, why) = ("hall:7000".to_owned(), "?".to_owned());
                self.client.handle_dial_failed(self.now, id, BindError::ProtocolMismatch { address, why });
            }
        }
    }

    fn open(&mut self, id: ConnectionId, address: usize) {
        self.lines.push(Line {
            id,
            open: true,
            checksum: Checksum::Whole,
            said: Vec::new(),
            unread: Vec::new(),
            fresh: false,
            written: Vec::new(),
            wish: None,
            session: None,
            obliged: false,
            asked: Vec::new(),
            requests: Vec::new(),
            cancels: Vec::new(),
            parts: BTreeMap::new(),
            pinged: 0,
            large: None,
        });
        self.client.handle_dialled(self.now, id, &format!("hall:{}", 7000 + address));
    }

    /// What servers do that oblige: whoever comes is let in and has all that it asks for.
    pub(super) fn oblige(&mut self) -> bool {
        if !self.obliging {
            return false;
        }
        let mut busy = false;
        while !self.dialling.is_empty() {
            let (id, address) = self.dialling.remove(0);
            self.open(id, address);
            busy = true;
        }
        for line in 0..self.lines.len() {
            let this = &mut self.lines[line];
            if !this.open {
                continue;
            }
            if this.wish.is_some() && this.session.is_none() && !std::mem::replace(&mut this.obliged, true) {
                self.let_in(line, 0);
                busy = true;
            }
            for bind in std::mem::take(&mut self.lines[line].asked) {
                let methods = vec![BoundMethod::Usable; bind.methods.len()];
                self.answer_bind(line, &bind, methods, Vec::new());
                busy = true;
            }
        }
        busy
    }

    /// One of the open lines, the last ones first.
    pub(super) fn some_line(&self, input: &mut Input<'_>) -> Option<usize> {
        let back = usize::from(input.byte());
        let open: Vec<usize> = (0..self.lines.len()).rev().filter(|at| self.lines[*at].open).collect();
        open.get(back % open.len().max(1)).copied()
    }

    pub(super) fn take(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        self.transmit(line);
        self.client.handle_progress(self.now, self.lines[line].id);
    }

    pub(super) fn cut(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        self.lines[line].open = false;
        self.client.handle_disconnected(self.now, self.lines[line].id, "reset");
    }

    pub(super) fn say(&mut self, line: usize, bytes: &[u8], hold: bool) {
        self.lines[line].said.extend_from_slice(bytes);
        if !hold {
            let all = self.lines[line].said.len();
            self.arrive(line, all);
        }
    }

    pub(super) fn arrive(&mut self, line: usize, many: usize) {
        let line = &mut self.lines[line];
        let many = many.min(line.said.len());
        line.unread.extend(line.said.drain(..many));
        line.fresh |= many > 0;
    }

    /// The client has nothing to do with a connection any more.
    pub(super) fn closes(&mut self, id: ConnectionId) {
        self.dialling.retain(|(dialled, _)| *dialled != id);
        let Some(line) = self.lines.iter().position(|line| line.open && line.id == id) else { return };
        self.transmit(line);
        self.listen(line);
        self.lines[line].open = false;
    }

    pub(super) fn move_bytes(&mut self) -> bool {
        let mut busy = false;
        for line in 0..self.lines.len() {
            if !self.lines[line].open {
                continue;
            }
            busy |= self.read(line);
            if !self.slow {
                busy |= self.transmit(line);
            }
            self.listen(line);
        }
        busy
    }

    /// What has arrived is read by the client, and noted.
    fn read(&mut self, line: usize) -> bool {
        let this = &mut self.lines[line];
        if !std::mem::take(&mut this.fresh) {
            return false;
        }
        let unread = std::mem::take(&mut this.unread);
        self.note(line, &unread);
        let used = self.client.handle_bytes(self.now, self.lines[line].id, &unread);
        assert!(unread.len() - used < FRAME_MAX, "the client waits for more than a frame");
        self.lines[line].unread = unread[used..].to_vec();
        true
    }

    /// What the whole frames say that the client is about to read.
    fn note(&mut self, line: usize, mut bytes: &[u8]) {
        let this = &mut self.lines[line];
        while let Ok(Some((header, body))) = frame::split(bytes, this.checksum) {
            bytes = &bytes[header.length as usize..];
            match Any::read(&header, body) {
                Ok(Any::Welcome(welcome)) if this.session.is_none() => {
                    this.session = Some(welcome.session);
                    this.checksum = welcome.checksum;
                    let new = self.told.sessions.insert(welcome.session);
                    self.told.confused |= !new && !welcome.resumed;
                }
                Ok(Any::Reply(answer, _, message)) => {
                    if let Some(session) = this.session {
                        let id = RequestId { session, at: message.id };
                        self.told.answers.insert((id, answer as u16));
                        if answer == Answer::Refused && this.requests.contains(&message.id) {
                            self.told.refusals.insert((id, this.id));
                        }
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    /// Whether there was anything. Then calls may have their turn that waited for room.
    fn transmit(&mut self, line: usize) -> bool {
        let Line { id, written, .. } = &mut self.lines[line];
        let before = written.len();
        while self.client.poll_transmit(self.now, *id, written) {}
        let wrote = written.len() - before;
        assert!(wrote <= super::CALLS_MAX * 400_000, "{wrote} bytes waited to be written");
        wrote > 0
    }

    /// The server reads what it is told: whole frames of the kinds that a client sends.
    fn listen(&mut self, line: usize) {
        let this = &mut self.lines[line];
        let stream = std::mem::take(&mut this.written);
        let mut rest = &stream[..];
        while let Some((header, body)) = frame::split(rest, this.checksum).expect("a frame of the client") {
            rest = &rest[header.length as usize..];
            let frame = Any::read(&header, body).expect("a frame of the client");
            // A connection may be given up before its first frame was taken.
            let first = matches!(header.kind, Kind::Hello | Kind::Close);
            assert!(this.wish.is_some() || first, "{frame:?} comes first");
            match frame {
                Any::Hello(hello) => {
                    assert!(this.wish.is_none(), "a second hello");
                    this.wish = Some(hello.session);
                }
                Any::Bind(bind) => this.asked.push(bind),
                Any::Request(message) => {
                    let session = this.session.expect("the client was let in");
                    let id = RequestId { session, at: message.id };
                    self.told.requested(id, message.flags.1);
                    this.request(message.id, message.total, message.payload.len());
                    if message.total.is_none() {
                        self.told.copies.insert((id, this.id));
                    }
                }
                Any::Chunk(at, part) => {
                    let session = this.session.expect("the client was let in");
                    if this.chunk(at, part.len()) == 0 {
                        self.told.copies.insert((RequestId { session, at }, this.id));
                    }
                }
                Any::Cancel(cancel) => {
                    let session = this.session.expect("the client was let in");
                    let id = RequestId { session, at: cancel.id };
                    let known = self.told.requests.contains_key(&id);
                    assert!(self.told.confused || known, "{id} was never asked for");
                    self.told.fences.insert(id);
                    this.cancels.push(cancel.id);
                }
                Any::Ping(ping) => this.pinged = ping.number,
                Any::Pong(_) | Any::Release(_) | Any::Close(_) => {}
                other => panic!("a client sends {other:?}"),
            }
        }
        assert!(rest.is_empty(), "a part of a frame");
    }
}

impl Line {
    /// On one connection each number stands once at most, and those of a slot grow.
    fn request(&mut self, id: SlotId, total: Option<u32>, payload: usize) {
        let before = self.requests.iter().filter(|before| before.slot == id.slot).map(|id| id.sequence).max();
        assert!(before.is_none_or(|before| before < id.sequence), "{id:?} after {before:?}");
        self.requests.push(id);
        if let Some(total) = total {
            self.parts.insert(id, total as usize - payload);
        }
    }

    /// How much of the request is left.
    fn chunk(&mut self, id: SlotId, length: usize) -> usize {
        let left = self.parts.get_mut(&id).expect("a part of a request that has begun");
        *left = left.checked_sub(length).expect("more parts than were announced");
        *left
    }
}
