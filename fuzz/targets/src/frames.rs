//! Frames made of decisions: legal ones, with small numbers that engines know, and such as were changed on their way.

use crate::input::Input;
use crate::support::any::{Any, Message};
use crate::support::wire::written;
use rpc_core::frame::*;
use rpc_core::limits::{CHUNK_LEN, CHUNK_LEN_MIN, HEADER_LEN};
use rpc_core::{Domain, Incarnation, Metadata, Offer, SessionId, SlotId, Token};

/// One of a few slots and numbers as a rule.
pub(crate) fn id(input: &mut Input<'_>) -> SlotId {
    match input.byte() {
        255 => SlotId::from_wire(input.u64()),
        near => SlotId { slot: u32::from(near % 4), sequence: u64::from(near / 4 % 16) },
    }
}

/// Milliseconds, now and then very many.
pub(crate) fn millis(input: &mut Input<'_>) -> u32 {
    match input.byte() {
        255 => input.u32(),
        0 => 0,
        some => u32::from(some) * u32::from(some) * 4,
    }
}

/// Some bytes: those of the input, or many of one kind.
pub(crate) fn payload(input: &mut Input<'_>) -> Vec<u8> {
    let byte = input.byte();
    match byte {
        0..240 => input.bytes(usize::from(byte % 16)).to_vec(),
        240..248 => vec![byte; CHUNK_LEN_MIN - 2 + usize::from(byte % 8)],
        248.. => vec![byte; CHUNK_LEN - 7 + usize::from(byte % 8)],
    }
}

/// A frame of the kind that the next byte says.
pub(crate) fn legal(input: &mut Input<'_>) -> Any {
    let kind = input.pick(Kind::ALL);
    of_kind(input, kind)
}

pub(crate) fn of_kind(input: &mut Input<'_>, kind: Kind) -> Any {
    match kind {
        Kind::Hello => Any::Hello(hello(input)),
        Kind::Welcome => Any::Welcome(welcome(input)),
        Kind::Reject => Any::Reject(Reject {
            code: RejectCode::from_wire(input.byte()),
            protocol_min: input.u16(),
            protocol_max: input.u16(),
            retry_after_ms: millis(input),
            reason: input.text(),
        }),
        Kind::Bind => Any::Bind(bind(input)),
        Kind::Bound => Any::Bound(bound(input)),
        Kind::Request => {
            let idempotent = input.flag();
            let flags = (input.flag(), idempotent);
            Any::Request(Message {
                id: id(input),
                method: method(input),
                deadline: millis(input),
                flags,
                ..message(input)
            })
        }
        Kind::Reply => reply(input),
        Kind::Chunk => {
            let id = id(input);
            let mut payload = payload(input);
            if payload.is_empty() {
                payload.push(7);
            }
            Any::Chunk(id, payload)
        }
        Kind::Cancel => Any::Cancel(Cancel { id: id(input), want_reply: input.flag() }),
        Kind::Ping => Any::Ping(Ping { number: number(input) }),
        Kind::Pong => Any::Pong(Pong { number: number(input) }),
        Kind::GoAway => Any::GoAway(GoAway { reason: input.text() }),
        Kind::Release => {
            let many = 1 + input.below(5);
            Any::Release(Release { ids: (0..many).map(|_| id(input)).collect() })
        }
        Kind::Close => {
            let code = CloseCode::from_wire(u16::from(input.byte()));
            Any::Close(Close { code, reason: input.text() })
        }
    }
}

fn number(input: &mut Input<'_>) -> u64 {
    match input.byte() {
        255 => input.u64() >> 24,
        small => u64::from(small),
    }
}

fn method(input: &mut Input<'_>) -> u16 {
    match input.byte() {
        255 => input.u16(),
        small => u16::from(small % 8),
    }
}

fn slots(input: &mut Input<'_>) -> u32 {
    match input.byte() {
        255 => 1 + input.u32() % (1 << 24),
        small => 1 + u32::from(small % 4),
    }
}

fn checksum(input: &mut Input<'_>) -> Checksum {
    if input.flag() { Checksum::HeaderOnly } else { Checksum::Whole }
}

fn hello(input: &mut Input<'_>) -> Hello {
    let (a, b) = (input.u16(), input.u16());
    Hello {
        protocol_min: a.min(b),
        protocol_max: a.max(b),
        codecs: input.bytes(3).to_vec(),
        checksum: checksum(input),
        message_max: input.u32(),
        slots: slots(input),
        connection: u32::from(input.byte()),
        session: match input.flag() {
            true => SessionWish::Resume { id: SessionId(u64::from(input.byte())), token: token(input) },
            false => SessionWish::Open,
        },
        credentials: Credentials(input.block().to_vec()),
        software: input.text(),
    }
}

/// One of a few.
pub(crate) fn token(input: &mut Input<'_>) -> Token {
    Token([input.byte(); 16])
}

fn welcome(input: &mut Input<'_>) -> Welcome {
    Welcome {
        protocol: input.u16(),
        codec: input.byte(),
        checksum: checksum(input),
        message_max: input.u32(),
        slots: slots(input),
        session: SessionId(u64::from(input.byte())),
        token: token(input),
        incarnation: Incarnation(u64::from(input.byte())),
        domain: Domain([input.byte(); 16]),
        lease_ms: millis(input),
        resumed: input.flag(),
        software: input.text(),
    }
}

fn version(input: &mut Input<'_>) -> (u16, u16) {
    (u16::from(input.below(4)), u16::from(input.below(4)))
}

fn bind(input: &mut Input<'_>) -> Bind {
    let many = input.below(6);
    let method = |input: &mut Input<'_>| BindMethod {
        name: input.text(),
        fingerprint: input.u64(),
        idempotent: input.flag(),
        since: input.flag().then(|| version(input)),
    };
    Bind {
        number: u32::from(input.byte()),
        base: u16::from(input.byte()),
        service: input.text(),
        version: version(input),
        methods: (0..many).map(|_| method(input)).collect(),
    }
}

/// The answer of a server to a binding.
pub(crate) fn bound(input: &mut Input<'_>) -> Bound {
    let number = u32::from(input.byte());
    let many = input.below(6);
    let result = match input.below(4) {
        0 => BoundResult::Accepted {
            version: version(input),
            methods: (0..many).map(|_| bound_method(input)).collect(),
            // Without types the structures would be left out.
            types: [&[1], input.block()].concat(),
        },
        1 => BoundResult::NotFound { offered: offers(input, many) },
        2 => BoundResult::OtherVersion { offered: offers(input, many) },
        _ => BoundResult::Types { part: input.block().to_vec() },
    };
    Bound { number, result }
}

fn offers(input: &mut Input<'_>, many: u8) -> Vec<Offer> {
    (0..many).map(|_| Offer { name: input.text(), version: version(input) }).collect()
}

fn bound_method(input: &mut Input<'_>) -> BoundMethod {
    match input.below(5) {
        0 => BoundMethod::Usable,
        1 => BoundMethod::Missing { suggestion: None },
        2 => BoundMethod::Missing {
            suggestion: Some(Suggestion { name: input.text(), same_types: input.flag() }),
        },
        3 => BoundMethod::Differs { runs_once: input.flag(), structure: input.block().to_vec() },
        _ => BoundMethod::RunsOnce,
    }
}

/// What requests and replies have in common.
fn message(input: &mut Input<'_>) -> Message {
    let what = input.byte();
    let metadata = (what & 3 == 3).then(|| {
        let pairs = (0..input.below(4)).map(|_| (input.text(), input.text()));
        pairs.collect::<Metadata>()
    });
    let payload = payload(input);
    let more = match what >> 2 & 7 {
        6 => Some(u32::from(input.u16())),
        7 => Some(input.u32()),
        _ => None,
    };
    let total = more.map(|more| (payload.len() as u32).saturating_add(more.max(1)));
    let total = total.filter(|total| *total > payload.len() as u32);
    Message {
        id: SlotId::default(),
        method: 0,
        deadline: 0,
        flags: (what & 32 != 0, what & 64 != 0),
        metadata,
        total,
        payload,
    }
}

fn reply(input: &mut Input<'_>) -> Any {
    let answer = input.pick(Answer::ALL);
    let id = id(input);
    let again = matches!(answer, Answer::Refused | Answer::Busy);
    let retry_after = if again { millis(input) } else { 0 };
    let mut message = Message { id, ..message(input) };
    if !matches!(answer, Answer::Ok | Answer::Application) {
        message.total = None;
    }
    match answer {
        Answer::Refused if input.flag() => {
            message.payload.clear();
            Refusal { code: rpc_core::Code::from_wire(input.byte()), reason: input.text() }
                .write(&mut message.payload);
        }
        Answer::Failed if input.flag() => {
            message.payload.clear();
            let (code, message_) = (rpc_core::Code::from_wire(input.byte()), input.text());
            Failure { code, message: message_, hops: Vec::new() }.write(&mut message.payload);
        }
        answer if !answer.has_payload() => message.payload.clear(),
        _ => {}
    }
    Any::Reply(answer, retry_after, message)
}

/// A frame as it should be, or one of which something was changed, or bytes that only look like one: by `how`.
pub(crate) fn any(input: &mut Input<'_>, how: u8, checksum: Checksum) -> Vec<u8> {
    match how & 3 {
        0 | 1 => written(|out| legal(input).write(out, checksum)),
        2 => {
            let mut bytes = written(|out| legal(input).write(out, checksum));
            change(input, &mut bytes, checksum);
            bytes
        }
        _ => sealed(input, checksum),
    }
}

/// A frame whose header is anything, with a good checksum.
pub(crate) fn sealed(input: &mut Input<'_>, checksum: Checksum) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    let wide = input.byte();
    bytes.extend([input.byte() % 18, if wide & 1 == 1 { input.byte() } else { 0 }]);
    let (method, deadline) =
        (if wide & 2 == 2 { input.u16() } else { 0 }, if wide & 4 == 4 { input.u32() } else { 0 });
    bytes.extend(method.to_le_bytes());
    bytes.extend(deadline.to_le_bytes());
    bytes.extend(if wide & 8 == 8 { id(input).to_wire() } else { 0 }.to_le_bytes());
    bytes.extend(input.block());
    seal(&mut bytes, 0, checksum);
    bytes
}

/// Changes some bytes of the frame at the start of `bytes`. The checksum is right again if the input wants it.
pub(crate) fn change(input: &mut Input<'_>, bytes: &mut [u8], checksum: Checksum) {
    let good = input.flag();
    for _ in 0..=input.below(4) {
        let at = usize::from(input.u16()) % bytes.len();
        bytes[at] = input.byte();
    }
    if good && bytes.len() >= HEADER_LEN {
        seal(bytes, 0, checksum);
    }
}
