//! Frames as bytes, for tests that look at the wire or play the other side themselves.

use rpc_core::frame::{self, Answer, Checksum, Hello, Kind, Reply, Request, SessionWish, Welcome};
use rpc_core::{Domain, Incarnation, SessionId, SlotId, Token};

/// All whole frames of a stream: kind, and all bytes of the frame.
pub fn frames(mut stream: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some((header, _)) = frame::split(stream, Checksum::Whole).expect("an engine wrote it") {
        let (frame, rest) = stream.split_at(header.length as usize);
        all.push((header.kind, frame.to_vec()));
        stream = rest;
    }
    all
}

/// The kinds of all whole frames.
pub fn kinds(stream: &[u8]) -> Vec<Kind> {
    frames(stream).into_iter().map(|(kind, _)| kind).collect()
}

/// The frames of one kind.
pub fn of_kind(stream: &[u8], wanted: Kind) -> Vec<Vec<u8>> {
    frames(stream).into_iter().filter(|(kind, _)| *kind == wanted).map(|(_, frame)| frame).collect()
}

/// Reads a frame that is known to be a reply.
pub fn reply(frame: &[u8]) -> Reply<'_> {
    let (header, body) = frame::split(frame, Checksum::Whole).expect("sound").expect("whole");
    Reply::read(&header, body).expect("a reply")
}

/// Reads a frame that is known to be a request.
pub fn request(frame: &[u8]) -> Request<'_> {
    let (header, body) = frame::split(frame, Checksum::Whole).expect("sound").expect("whole");
    Request::read(&header, body).expect("a request")
}

pub fn id(slot: u32, sequence: u64) -> SlotId {
    SlotId { slot, sequence }
}

/// Bytes that one `write` call appends.
pub fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

pub fn answer(id: SlotId, answer: Answer, payload: &[u8]) -> Vec<u8> {
    written(|out| Reply { id, answer, payload, ..Reply::default() }.write(out, Checksum::Whole))
}

pub fn welcome(slots: u32) -> Welcome {
    Welcome {
        protocol: 1,
        codec: 1,
        checksum: Checksum::Whole,
        message_max: 16 << 20,
        slots,
        session: SessionId(9),
        token: Token([9; 16]),
        incarnation: Incarnation(9),
        domain: Domain([9; 16]),
        lease_ms: 0,
        resumed: false,
        software: "a test".into(),
    }
}

pub fn hello() -> Hello {
    Hello {
        protocol_min: 1,
        protocol_max: 1,
        codecs: vec![1],
        checksum: Checksum::Whole,
        message_max: 16 << 20,
        slots: 1024,
        connection: 1,
        session: SessionWish::Open,
        credentials: Default::default(),
        software: "a test".into(),
    }
}
