//! Those who listen in on the wire: every frame that an engine writes is read as soon as it is whole, and what it says is
//! written down in the journal.

use super::{Way, WireId};
use crate::coverage::Row;
use crate::hall;
use crate::journal::{Id, SessionKey};
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::SlotId;
use rpc_core::frame::{
    self, Answer, Cancel, Checksum, Close, CloseCode, Header, Hello, Kind, Reject, Reply, Request, Welcome,
};
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
            (Kind::Request, Some(key)) => {
                if let Ok(request) = Request::read(header, body) {
                    self.hear_request(key, &request, whole);
                }
            }
            (Kind::Cancel, Some(key)) => {
                if let Ok(cancel) = Cancel::read(header, body)
                    && let Some(known) = self.journal.ids.get_mut(&(key, cancel.id))
                {
                    known.cancelled = true;
                }
            }
            (Kind::Reply, Some(key)) => {
                if let Ok(reply) = Reply::read(header, body) {
                    self.hear_reply(key, &reply);
                }
            }
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

    fn hear_request(&mut self, key: SessionKey, request: &Request<'_>, whole: &[u8]) {
        self.journal.requests += 1;
        let at = (key, request.id);
        if let Some(known) = self.journal.ids.get_mut(&at) {
            known.copies += 1;
            let (owner, tag) = (known.tag, hall::tag_of(request.payload));
            if tag.is_some_and(|tag| tag != owner) {
                self.violate(
                    "ids-are-not-reused",
                    format!("{key} {:?} was call {owner} and is written as call {tag:?}", request.id),
                );
            }
            return;
        }
        let Some(tag) = hall::tag_of(request.payload) else { return };
        let frame = if request.total.is_none() { whole.to_vec() } else { Vec::new() };
        let known =
            Id { tag, copies: 1, refused: false, answered: false, cancelled: false, starts: 0, frame };
        self.journal.ids.insert(at, known);
        if let Some(call) = self.journal.calls.get_mut(tag as usize) {
            call.ids.push(at);
        }
    }

    fn hear_reply(&mut self, key: SessionKey, reply: &Reply<'_>) {
        let Some(known) = self.journal.ids.get_mut(&(key, reply.id)) else { return };
        let tag = known.tag;
        known.answered = true;
        match reply.answer {
            Answer::Refused => known.refused = true,
            Answer::Busy => self.coverage.met(Row::FenceBusy),
            _ => known.refused = false,
        }
        if reply.attached {
            self.coverage.met(Row::Attached);
        }
        if reply.replayed {
            self.coverage.met(Row::Replayed);
        }
        let recorded = matches!(reply.answer, Answer::Ok | Answer::Application | Answer::Failed);
        let idempotent = self.journal.calls.get(tag as usize).is_none_or(|call| call.idempotent);
        if !recorded || idempotent {
            return;
        }
        // Of a large reply this is its first part and its length, which is enough to tell it from any other.
        let hash =
            xxh3_64_with_seed(reply.payload, reply.answer as u64 + 16 * u64::from(reply.total.unwrap_or(0)));
        self.check_same_reply(tag, key, reply.id, hash);
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
            let tag = hall::tag_of(body);
            format!("Request {slot}-{sequence} call {tag:?} until {} ms{resent}", header.deadline)
        }
        Kind::Reply => Reply::read(&header, body).map_or_else(
            |error| error.to_string(),
            |it| {
                let replayed = if it.replayed { " replayed" } else { "" };
                let attached = if it.attached { " attached" } else { "" };
                format!(
                    "Reply {slot}-{sequence} {:?} {} bytes{replayed}{attached}",
                    it.answer,
                    it.payload.len()
                )
            },
        ),
        kind => format!("{} {slot}-{sequence}", kind.name()),
    }
}
