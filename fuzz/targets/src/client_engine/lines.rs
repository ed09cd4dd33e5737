//! The connections: what the client writes, and what it is told.

use super::World;
use crate::frames;
use crate::input::Input;
use crate::support::any::Any;
use crate::support::wire::written;
use rpc_core::client::ConnectionId;
use rpc_core::frame::{
    self, Answer, Bind, Bound, BoundMethod, BoundResult, Checksum, Chunk, Close, CloseCode, GoAway, Kind,
    Ping, Pong, Refusal, Reject, RejectCode, Reply, SessionWish, Welcome,
};
use rpc_core::limits::FRAME_MAX;
use rpc_core::schema::Excerpt;
use rpc_core::{BindError, Code, Domain, Error, Execution, Incarnation, RequestId, SessionId, SlotId, Token};
use std::collections::{BTreeMap, BTreeSet};

/// The part of a large reply that comes first.
const PART: usize = 4096;

pub(super) struct Line {
    id: ConnectionId,
    open: bool,
    /// Of payloads, from the welcome on.
    checksum: Checksum,
    /// Said by the server, and on its way.
    said: Vec<u8>,
    /// Arrived, and not used.
    unread: Vec<u8>,
    fresh: bool,
    /// Written by the client, and not read.
    written: Vec<u8>,
    /// What the client wished for.
    wish: Option<SessionWish>,
    session: Option<SessionId>,
    /// It was let in unasked.
    obliged: bool,
    /// Bindings that the client asked for and that were not answered.
    asked: Vec<Bind>,
    /// Requests and fences that were written.
    requests: Vec<SlotId>,
    cancels: Vec<SlotId>,
    /// What is left of requests in parts.
    parts: BTreeMap<SlotId, usize>,
    pinged: u64,
    /// What is left of a large reply.
    large: Option<(SlotId, usize)>,
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
    fn some_line(&self, input: &mut Input<'_>) -> Option<usize> {
        let back = usize::from(input.byte());
        let open: Vec<usize> = (0..self.lines.len()).rev().filter(|at| self.lines[*at].open).collect();
        open.get(back % open.len().max(1)).copied()
    }

    pub(super) fn welcome(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let how = input.byte();
        if how >= 208 {
            let code = RejectCode::from_wire(1 + how % 7);
            let retry_after_ms = u32::from(how % 3) * 200;
            let (protocol_min, protocol_max, reason) = (2, 3, "?".to_owned());
            let reject = Reject { code, protocol_min, protocol_max, retry_after_ms, reason };
            return self.say(line, &written(|out| reject.write(out)), false);
        }
        self.let_in(line, how);
    }

    /// In the session that the client wishes for, unless `how` says something else.
    fn let_in(&mut self, line: usize, how: u8) {
        let wish = self.lines[line].wish.unwrap_or(SessionWish::Open);
        let mut welcome = Welcome {
            protocol: 1,
            codec: 1,
            checksum: if how & 2 == 2 { Checksum::HeaderOnly } else { Checksum::Whole },
            message_max: if how & 4 == 4 { 70_000 } else { 16 << 20 },
            slots: 3,
            session: SessionId(0),
            token: Token([7; 16]),
            incarnation: Incarnation(1),
            domain: Domain([u8::from(how & 8 == 8); 16]),
            lease_ms: if how & 16 == 16 { 0 } else { 60_000 },
            resumed: false,
            software: "?".to_owned(),
        };
        match wish {
            SessionWish::Resume { id, .. } if how & 1 == 0 => (welcome.session, welcome.resumed) = (id, true),
            _ => {
                self.sessions += 1;
                welcome.session = SessionId(self.sessions);
            }
        }
        if how & 64 == 64 {
            welcome.slots = 1 + u32::from(how >> 5 & 1);
        }
        self.say(line, &written(|out| welcome.write(out)), false);
    }

    pub(super) fn bound(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let how = input.byte();
        if self.lines[line].asked.is_empty() {
            return;
        }
        let bind = self.lines[line].asked.remove(0);
        let many = bind.methods.len();
        match how & 7 {
            0..=2 => {
                let some = |at: usize| match how >> 3 & 3 {
                    1 if at == 0 => BoundMethod::RunsOnce,
                    2 if at == 1 => BoundMethod::Missing { suggestion: None },
                    _ => BoundMethod::Usable,
                };
                self.answer_bind(line, &bind, (0..many).map(some).collect(), Vec::new());
            }
            3 | 4 => {
                let mut excerpt = Excerpt::default();
                let descriptor = match how & 8 {
                    0 => &crate::support::services::HALL_WIDE,
                    _ => &crate::support::services::HALL,
                };
                let all = descriptor.signatures();
                let structure = |at: usize| excerpt.add(&all[at % all.len()]).unwrap_or_default();
                let structures: Vec<_> = (0..many).map(structure).collect();
                let methods = structures.into_iter();
                let methods =
                    methods.map(|structure| BoundMethod::Differs { runs_once: how & 16 == 16, structure });
                self.answer_bind(line, &bind, methods.collect(), excerpt.into_types());
            }
            _ => {
                let bound = Bound { number: bind.number, ..frames::bound(input) };
                self.say(line, &written(|out| bound.write(out)), false);
            }
        }
    }

    fn answer_bind(&mut self, line: usize, bind: &Bind, methods: Vec<BoundMethod>, types: Vec<u8>) {
        let result = BoundResult::Accepted { version: bind.version, methods, types };
        let bound = Bound { number: bind.number, result };
        self.say(line, &written(|out| bound.write(out)), false);
    }

    /// Something that was written is answered.
    pub(super) fn reply(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let (which, what) = (usize::from(input.byte()), input.byte());
        let this = &self.lines[line];
        let known: Vec<SlotId> = this.requests.iter().chain(&this.cancels).rev().copied().collect();
        if known.is_empty() {
            return;
        }
        let id = known[which % known.len()];
        let answer = Answer::ALL[usize::from(what & 15) % Answer::ALL.len()];
        let mut payload = match what >> 4 & 3 {
            0 => vec![what; 3],
            1 => vec![what; PART],
            2 => input.block().to_vec(),
            _ => Vec::new(),
        };
        let again = matches!(answer, Answer::Refused | Answer::Busy);
        if again && what & 32 == 32 {
            payload.clear();
            let code =
                [Code::ResourceExhausted, Code::Unavailable, Code::InvalidArgument, Code::Unimplemented];
            Refusal { code: code[which % 4], reason: "?".to_owned() }.write(&mut payload);
        }
        if !answer.has_payload() {
            payload.clear();
        }
        let large = matches!(answer, Answer::Ok | Answer::Application) && payload.len() == PART;
        let total = large.then_some([PART + 1, 3 * PART, 100_000, 400_000][which % 4]);
        self.lines[line].large = total.map(|total| (id, total - PART)).or(self.lines[line].large);
        let reply = Reply {
            id,
            answer,
            retry_after: if again { (which as u32 % 5) * 40 } else { 0 },
            replayed: what & 64 == 64,
            attached: what & 128 == 128,
            metadata: None,
            total: total.map(|total| total as u32),
            payload: &payload,
        };
        let checksum = self.lines[line].checksum;
        self.say(line, &written(|out| reply.write(out, checksum)), false);
    }

    /// The next part of a large reply.
    pub(super) fn more(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let much = input.flag();
        let Some((id, left)) = self.lines[line].large else { return };
        let part = vec![3; left.min(if much { 64 << 10 } else { PART })];
        self.lines[line].large = (left > part.len()).then(|| (id, left - part.len()));
        let checksum = self.lines[line].checksum;
        self.say(line, &written(|out| Chunk { id, payload: &part }.write(out, checksum)), false);
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
        self.say(line, &bytes, how & 128 == 128);
    }

    pub(super) fn raw(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let bytes = input.block();
        self.say(line, bytes, false);
    }

    /// A part of what is on its way arrives.
    pub(super) fn deliver(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let many = usize::from(input.byte());
        self.arrive(line, many);
    }

    pub(super) fn pong(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let number = self.lines[line].pinged;
        let bytes = match input.flag() {
            true => written(|out| Ping { number: 7 }.write(out)),
            false => written(|out| Pong { number }.write(out)),
        };
        self.say(line, &bytes, false);
    }

    pub(super) fn goes(&mut self, input: &mut Input<'_>) {
        let Some(line) = self.some_line(input) else { return };
        let code = input.byte();
        let reason = "?".to_owned();
        let bytes = match code {
            0..128 => written(|out| GoAway { reason }.write(out)),
            code => {
                let code = CloseCode::from_wire(u16::from(code % 6));
                written(|out| Close { code, reason }.write(out))
            }
        };
        self.say(line, &bytes, false);
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

    fn say(&mut self, line: usize, bytes: &[u8], hold: bool) {
        self.lines[line].said.extend_from_slice(bytes);
        if !hold {
            let all = self.lines[line].said.len();
            self.arrive(line, all);
        }
    }

    fn arrive(&mut self, line: usize, many: usize) {
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
