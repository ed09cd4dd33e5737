//! Those who listen in on the wire: every frame that an engine writes is read as soon as it is whole, and what it says is
//! written down in the journal.

use super::wire::Large;
use super::{Way, WireId};
use crate::coverage::{Fault, Row};
use crate::hall;
use crate::journal::{Id, Refusal, SessionKey};
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::frame::{
    self, Answer, Cancel, Checksum, Chunk, Close, CloseCode, Header, Hello, Kind, Reject, RejectCode, Reply,
    Request, SessionWish, Welcome,
};
use rpc_core::{Code, SlotId};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64_with_seed;

impl World {
    pub(super) fn listen(&mut self, id: WireId, way: Way, bytes: &[u8]) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let mut heard = std::mem::take(&mut wire.pipe(way).heard);
        let all = if heard.is_empty() {
            bytes
        } else {
            heard.extend_from_slice(bytes);
            &heard
        };
        let mut at = 0;
        while let Ok(Some((header, body))) = frame::split(&all[at..], Checksum::Whole) {
            let whole = &all[at..at + header.length as usize];
            at += header.length as usize;
            self.hear(id, way, &header, body, whole);
        }
        let rest = all[at..].to_vec();
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.pipe(way).heard = rest;
        }
    }

    fn hear(&mut self, id: WireId, way: Way, header: &Header, body: &[u8], whole: &[u8]) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (client, server, session) = (wire.client, wire.server, wire.session);
        let host = if way == Way::Up { Host::Client(client) } else { Host::Server(server) };
        tell!(self, host, "{id} {}", described(whole));
        match (header.kind, session) {
            (Kind::Hello, _) => {
                if let Ok(hello) = Hello::read(header, body) {
                    self.hear_hello(id, &hello);
                }
            }
            (Kind::Welcome, _) => {
                if let Ok(welcome) = Welcome::read(header, body) {
                    self.hear_welcome(id, client, &welcome);
                }
            }
            (Kind::Reject, _) => {
                if let Ok(reject) = Reject::read(header, body)
                    && reject.code == RejectCode::TooMany
                {
                    self.coverage.hit(Fault::Crowded);
                }
            }
            (Kind::Request, Some(key)) => {
                if let Ok(request) = Request::read(header, body) {
                    self.hear_request(id, client, key, &request, whole);
                }
            }
            (Kind::Cancel, Some(key)) => {
                if let Ok(cancel) = Cancel::read(header, body) {
                    self.hear_cancel(key, cancel.id);
                }
            }
            (Kind::Release, Some(key)) => {
                self.journal.releases.entry(key).or_default().push(whole.to_vec());
            }
            (Kind::Reply, Some(key)) => {
                if let Ok(reply) = Reply::read(header, body) {
                    self.hear_reply(id, key, &reply);
                }
            }
            (Kind::Chunk, Some(key)) if way == Way::Down => {
                if let Ok(chunk) = Chunk::read(header, body) {
                    self.hear_chunk(id, key, &chunk);
                }
            }
            (Kind::GoAway, _) => self.coverage.met(Row::Drained),
            (Kind::Close, _) => {
                if let Ok(close) = Close::read(header, body)
                    && matches!(close.code, CloseCode::ProtocolError | CloseCode::Misuse)
                {
                    self.check_close(id, way, &close);
                }
            }
            _ => {}
        }
    }

    fn hear_hello(&mut self, id: WireId, hello: &Hello) {
        if let Some(wire) = self.wires.get_mut(&id)
            && let SessionWish::Resume { id, .. } = hello.session
        {
            wire.resumes = Some(id.0);
        }
    }

    fn hear_welcome(&mut self, id: WireId, client: usize, welcome: &Welcome) {
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.welcomed = Some(self.now);
        let asked = wire.resumes;
        if welcome.resumed && asked != Some(welcome.session.0) {
            return self.violate("sessions", format!("{id} is given the session of another"));
        }
        let host = &mut self.clients[client];
        host.ready = Some(id);
        if welcome.resumed
            && let Some(row) = host.cause.take()
        {
            self.coverage.met(row);
        }
    }

    fn hear_request(
        &mut self,
        wire: WireId,
        client: usize,
        key: SessionKey,
        request: &Request<'_>,
        whole: &[u8],
    ) {
        self.journal.requests += 1;
        let at = (key, request.id);
        let Some(tag) = hall::tag_of(request.payload) else { return };
        self.check_written_in_time(tag, client);
        let now = self.now;
        if let Some(call) = self.journal.call(tag) {
            call.copied = Some((wire, now));
        }
        if let Some(known) = self.journal.ids.get_mut(&at) {
            known.copies += 1;
            let owner = known.tag;
            if tag != owner {
                let what = format!("{key} {:?} was call {owner} and is written as call {tag}", request.id);
                self.violate("ids-are-not-reused", what);
            }
            return;
        }
        let known = Id {
            tag,
            copies: 1,
            refused: None,
            refusals: 0,
            answered: false,
            cancelled: false,
            starts: 0,
            frame: whole.to_vec(),
        };
        self.journal.ids.insert(at, known);
        self.hear_new_id(wire, client, tag, at);
        self.hear_session(client, key);
    }

    /// A call is written under an id for the first time.
    fn hear_new_id(&mut self, wire: WireId, client: usize, tag: u32, at: (SessionKey, SlotId)) {
        let now = self.now;
        let Some(call) = self.journal.calls.get_mut(tag as usize) else { return };
        let (before, first) = (call.ids.last().copied(), call.wire.take());
        call.ids.push(at);
        call.written = now;
        if first.is_some_and(|first| first != wire) {
            self.coverage.met(Row::NeverWritten);
        } else if call.waits {
            self.coverage.met(Row::SlotsFull);
        }
        call.waits = false;
        let (idempotent, dropped) = (call.idempotent, call.dropped);
        if dropped {
            return self
                .violate("dropped-means-dropped", format!("call {tag} is written after it was dropped"));
        }
        let Some(before) = before else { return };
        let Some(known) = self.journal.ids.get(&before) else { return };
        let refusal = known.refused;
        if refusal.is_none() && idempotent && before.0 != at.0 {
            self.coverage.met(Row::IdempotentMoved);
        }
        // What was refused on a connection that is lost meanwhile may never have come.
        self.check_retry(tag, client, refusal.filter(|_| before.0 == at.0));
        self.check_attempts(tag);
    }

    /// The client writes to a session: are there calls that wait for another server's answer?
    fn hear_session(&mut self, client: usize, key: SessionKey) {
        let before = self.clients[client].session.replace(key);
        let Some(before) = before.filter(|before| before.server != key.server) else { return };
        let waits = |call: &crate::journal::Call| {
            call.client == client && call.ids.last().is_some_and(|(session, _)| *session == before)
        };
        if self.journal.open().any(|(_, call)| waits(call)) {
            self.coverage.met(Row::FailedOver);
        }
    }

    fn hear_cancel(&mut self, key: SessionKey, at: SlotId) {
        let Some(known) = self.journal.ids.get_mut(&(key, at)) else { return };
        known.cancelled = true;
        let refused = known.refused.is_some() && known.copies > 1;
        let open = self.journal.calls.get(known.tag as usize).is_some_and(|call| call.end.is_none());
        if refused && open {
            self.coverage.met(Row::RefusedCopy);
        }
    }

    fn hear_reply(&mut self, wire: WireId, key: SessionKey, reply: &Reply<'_>) {
        let now = self.now;
        let heard = self.wires.get(&wire).is_some_and(|wire| wire.client_open);
        if reply.answer == Answer::Busy {
            self.coverage.met(Row::FenceBusy);
        }
        let Some(known) = self.journal.ids.get_mut(&(key, reply.id)) else { return };
        let (tag, cancelled) = (known.tag, known.cancelled);
        known.answered = true;
        match reply.answer {
            Answer::Refused => {
                known.refusals += 1;
                // The refusal of a late copy reaches nobody: what was said to another one stands.
                let retry_after = Duration::from_millis(u64::from(if heard { reply.retry_after } else { 0 }));
                if heard || known.refused.is_none() {
                    known.refused = Some(Refusal { when: now, retry_after });
                }
                if frame::Refusal::read(reply.payload).is_ok_and(|it| it.code == Code::DeadlineExceeded) {
                    self.coverage.met(Row::LateInQueue);
                }
            }
            Answer::Busy => {}
            Answer::Executed => {
                self.coverage.hit(Fault::Forgetful);
                known.refused = None;
            }
            _ => known.refused = None,
        }
        if reply.attached {
            self.coverage.met(Row::Attached);
        }
        if reply.replayed {
            self.coverage.met(Row::Replayed);
        }
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        if call.dropped && cancelled && !call.idempotent {
            self.coverage.met(Row::DroppedFuture);
        }
        let recorded = matches!(reply.answer, Answer::Ok | Answer::Application | Answer::Failed);
        if !recorded || call.idempotent {
            return;
        }
        if let Some(total) = reply.total {
            let large =
                Large { answer: reply.answer, total: total as usize, payload: reply.payload.to_vec() };
            if let Some(wire) = self.wires.get_mut(&wire) {
                wire.large.insert(reply.id, large);
            }
            return;
        }
        self.check_same_reply(tag, key, reply.id, xxh3_64_with_seed(reply.payload, reply.answer as u64));
    }

    /// A further part of a large reply. When it is whole it is looked at.
    fn hear_chunk(&mut self, wire: WireId, key: SessionKey, chunk: &Chunk<'_>) {
        let Some(wire) = self.wires.get_mut(&wire) else { return };
        let Some(large) = wire.large.get_mut(&chunk.id) else { return };
        large.payload.extend_from_slice(chunk.payload);
        if large.payload.len() < large.total {
            return;
        }
        let hash = xxh3_64_with_seed(&large.payload, large.answer as u64);
        wire.large.remove(&chunk.id);
        if let Some(tag) = self.journal.ids.get(&(key, chunk.id)).map(|known| known.tag) {
            self.check_same_reply(tag, key, chunk.id, hash);
        }
    }

    /// Bytes are read on a connection that its client has given up: is there a copy among them that comes too late?
    pub(crate) fn read_late(&mut self, key: SessionKey, bytes: &[u8]) {
        let mut at = 0;
        while let Ok(Some((header, _))) = frame::split(&bytes[at..], Checksum::Whole) {
            at += header.length as usize;
            let next = SlotId { slot: header.id.slot, sequence: header.id.sequence + 1 };
            let most = SlotId { slot: header.id.slot, sequence: SlotId::SEQUENCE_MAX };
            let mut later = self.journal.ids.range((key, next)..=(key, most));
            if header.kind == Kind::Request && later.any(|(_, known)| known.answered) {
                self.coverage.met(Row::LateCopy);
            }
        }
    }
}

/// A frame in words.
pub(crate) fn described(whole: &[u8]) -> String {
    let Ok(Some((header, body))) = frame::split(whole, Checksum::Whole) else { return "garbage".to_owned() };
    let SlotId { slot, sequence } = header.id;
    match header.kind {
        Kind::Hello => Hello::read(&header, body).map_or_else(
            |error| error.to_string(),
            |it| format!("Hello {:?} connection {}", it.session, it.connection),
        ),
        Kind::Welcome => Welcome::read(&header, body).map_or_else(
            |error| error.to_string(),
            |it| format!("Welcome {} slots {} resumed {}", it.session, it.slots, it.resumed),
        ),
        Kind::Reject => Reject::read(&header, body)
            .map_or_else(|error| error.to_string(), |it| format!("Reject {:?} {}", it.code, it.reason)),
        Kind::Close => Close::read(&header, body)
            .map_or_else(|error| error.to_string(), |it| format!("Close {:?} {}", it.code, it.reason)),
        Kind::Request => {
            let resent = if header.flags.contains(frame::Flags::RESENT) { " resent" } else { "" };
            let tag = Request::read(&header, body).ok().and_then(|request| hall::tag_of(request.payload));
            format!("Request {slot}-{sequence} call {tag:?} until {} ms{resent}", header.deadline)
        }
        Kind::Reply => Reply::read(&header, body).map_or_else(
            |error| error.to_string(),
            |it| {
                let replayed = if it.replayed { " replayed" } else { "" };
                let attached = if it.attached { " attached" } else { "" };
                let (answer, length) = (it.answer, it.payload.len());
                format!("Reply {slot}-{sequence} {answer:?} {length} bytes{replayed}{attached}")
            },
        ),
        kind => format!("{} {slot}-{sequence}", kind.name()),
    }
}
