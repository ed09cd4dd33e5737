//! What holds for every frame, and for every sequence of bytes.

mod support;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use rpc_core::frame::*;
use rpc_core::limits::{CHUNK_LEN, FRAME_MAX, HEADER_LEN, METHODS_MAX};
use rpc_core::{Domain, Incarnation, Offer, SessionId, SlotId, Token};
use support::any::{Any, Message};

fn id() -> impl Strategy<Value = SlotId> {
    any::<u64>().prop_map(SlotId::from_wire)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(String::from_iter)
}

fn checksum() -> impl Strategy<Value = Checksum> {
    prop_oneof![Just(Checksum::Whole), Just(Checksum::HeaderOnly)]
}

fn slots() -> impl Strategy<Value = u32> {
    1..=SlotId::SLOT_MAX + 1
}

fn hello() -> impl Strategy<Value = Any> {
    let resume = (any::<u64>(), any::<[u8; 16]>())
        .prop_map(|(id, token)| SessionWish::Resume { id: SessionId(id), token: Token(token) });
    let session = prop_oneof![Just(SessionWish::Open), resume];
    let versions = any::<(u16, u16)>().prop_map(|(a, b)| (a.min(b), a.max(b)));
    let blobs = (vec(any::<u8>(), 0..8), vec(any::<u8>(), 0..40));
    (versions, blobs, checksum(), any::<(u32, u32)>(), slots(), session, text()).prop_map(
        |(versions, (codecs, credentials), checksum, (message_max, connection), slots, session, software)| {
            Any::Hello(Hello {
                protocol_min: versions.0,
                protocol_max: versions.1,
                codecs,
                checksum,
                message_max,
                slots,
                connection,
                session,
                credentials: Credentials(credentials),
                software,
            })
        },
    )
}

fn welcome() -> impl Strategy<Value = Any> {
    let ids = any::<(u64, u64, [u8; 16], [u8; 16])>();
    (any::<(u16, u8, u32, u32, bool)>(), checksum(), slots(), ids, text()).prop_map(
        |((protocol, codec, message_max, lease_ms, resumed), checksum, slots, ids, software)| {
            Any::Welcome(Welcome {
                protocol,
                codec,
                checksum,
                message_max,
                slots,
                session: SessionId(ids.0),
                token: Token(ids.2),
                incarnation: Incarnation(ids.1),
                domain: Domain(ids.3),
                lease_ms,
                resumed,
                software,
            })
        },
    )
}

fn reject() -> impl Strategy<Value = Any> {
    (any::<(u8, u16, u16, u32)>(), text()).prop_map(|((code, min, max, retry_after_ms), reason)| {
        let code = RejectCode::from_wire(code);
        Any::Reject(Reject { code, protocol_min: min, protocol_max: max, retry_after_ms, reason })
    })
}

fn bind() -> impl Strategy<Value = Any> {
    let method = (text(), any::<(u64, bool)>(), option::of(any::<(u16, u16)>())).prop_map(
        |(name, (fingerprint, idempotent), since)| BindMethod { name, fingerprint, idempotent, since },
    );
    (any::<u32>(), 0..1000_u16, text(), any::<(u16, u16)>(), vec(method, 0..20)).prop_map(
        |(number, base, service, version, methods)| {
            Any::Bind(Bind { number, base, service, version, methods })
        },
    )
}

fn bound() -> impl Strategy<Value = Any> {
    let method = prop_oneof![
        Just(BoundMethod::Usable),
        Just(BoundMethod::RunsOnce),
        option::of((text(), any::<bool>())).prop_map(|named| {
            let suggestion = named.map(|(name, same_types)| Suggestion { name, same_types });
            BoundMethod::Missing { suggestion }
        }),
        (any::<bool>(), vec(any::<u8>(), 0..50))
            .prop_map(|(runs_once, structure)| BoundMethod::Differs { runs_once, structure }),
    ];
    let offers =
        || vec((text(), any::<(u16, u16)>()).prop_map(|(name, version)| Offer { name, version }), 0..9);
    let result = prop_oneof![
        (any::<(u16, u16)>(), vec(method, 0..20), vec(any::<u8>(), 1..50))
            .prop_map(|(version, methods, types)| BoundResult::Accepted { version, methods, types }),
        offers().prop_map(|offered| BoundResult::NotFound { offered }),
        offers().prop_map(|offered| BoundResult::OtherVersion { offered }),
        vec(any::<u8>(), 0..50).prop_map(|part| BoundResult::Types { part }),
    ];
    (any::<u32>(), result).prop_map(|(number, result)| Any::Bound(Bound { number, result }))
}

fn message() -> impl Strategy<Value = Message> {
    let metadata = option::of(vec((text(), text()), 0..5).prop_map(|pairs| pairs.into_iter().collect()));
    let payload = prop_oneof![
        8 => vec(any::<u8>(), 0..60),
        1 => (any::<u8>(), CHUNK_LEN - 9..=CHUNK_LEN).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let more = option::of(1..1_000_000_u32);
    (id(), any::<(u16, u32, (bool, bool))>(), metadata, more, payload).prop_map(
        |(id, (method, deadline, flags), metadata, more, payload)| {
            let total = more.map(|more| payload.len() as u32 + more);
            Message { id, method, deadline, flags, metadata, total, payload }
        },
    )
}

fn reply() -> impl Strategy<Value = Any> {
    let answer = proptest::sample::select(Answer::ALL);
    (answer, any::<u32>(), message()).prop_map(|(answer, retry_after, message)| {
        let is_whole = matches!(answer, Answer::Ok | Answer::Application);
        let total = message.total.filter(|_| is_whole);
        let payload = if answer.has_payload() { message.payload } else { Vec::new() };
        let again = matches!(answer, Answer::Refused | Answer::Busy);
        let retry_after = if again { retry_after } else { 0 };
        Any::Reply(answer, retry_after, Message { method: 0, deadline: 0, total, payload, ..message })
    })
}

fn small() -> impl Strategy<Value = Any> {
    let number = 0..=SlotId::SEQUENCE_MAX;
    prop_oneof![
        (id(), vec(any::<u8>(), 1..60)).prop_map(|(id, payload)| Any::Chunk(id, payload)),
        (id(), any::<bool>()).prop_map(|(id, want_reply)| Any::Cancel(Cancel { id, want_reply })),
        number.clone().prop_map(|number| Any::Ping(Ping { number })),
        number.prop_map(|number| Any::Pong(Pong { number })),
        text().prop_map(|reason| Any::GoAway(GoAway { reason })),
        vec(id(), 1..20).prop_map(|ids| Any::Release(Release { ids })),
        (any::<u16>(), text())
            .prop_map(|(code, reason)| { Any::Close(Close { code: CloseCode::from_wire(code), reason }) }),
    ]
}

fn frame() -> impl Strategy<Value = Any> {
    let all = [
        hello().boxed(),
        welcome().boxed(),
        reject().boxed(),
        bind().boxed(),
        bound().boxed(),
        message().prop_map(Any::Request).boxed(),
        reply().boxed(),
        small().boxed(),
    ];
    Union::new(all)
}

/// Splits and reads what may be anything; what is read writes the same bytes again.
fn reads_or_refuses(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(Some((header, body))) = split(bytes, Checksum::Whole) else { return Ok(()) };
    prop_assert_eq!(header.length as usize, HEADER_LEN + body.len());
    let Ok(read) = Any::read(&header, body) else { return Ok(()) };
    if let Any::Bind(bind) = &read {
        prop_assert!(bind.methods.capacity() <= METHODS_MAX.min(body.len()));
    }
    prop_assert_eq!(read.bytes(), &bytes[..header.length as usize]);
    Ok(())
}

/// Puts length and checksum right after the bytes were changed.
fn seal_again(bytes: &mut [u8]) {
    seal(bytes, 0, Checksum::Whole);
}

proptest! {
    #[test]
    fn every_frame_survives(frame in frame(), checksum in checksum()) {
        let mut out = Vec::new();
        frame.write(&mut out, checksum);
        prop_assert!(out.len() <= FRAME_MAX);
        let (header, body) = split(&out, checksum).expect("a legal frame").expect("a whole frame");
        prop_assert_eq!(header.length as usize, out.len());
        prop_assert_eq!(Any::read(&header, body), Ok(frame));
    }

    #[test]
    fn frames_in_a_row_come_apart_again(frames in vec(frame(), 0..6)) {
        let mut out = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut out, Checksum::Whole));
        let mut rest = out.as_slice();
        let mut found = Vec::new();
        while let Some((header, body)) = split(rest, Checksum::Whole).expect("legal frames") {
            found.push(Any::read(&header, body).expect("a legal frame"));
            rest = &rest[header.length as usize..];
        }
        prop_assert_eq!(found, frames);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_waited_for(bytes in vec(any::<u8>(), 0..400)) {
        reads_or_refuses(&bytes)?;
        let _ = split(&bytes, Checksum::HeaderOnly);
        let _ = split_first(&bytes);
        let _ = ended_early(&bytes);
    }

    #[test]
    fn an_arbitrary_body_of_any_kind_is_read_or_refused(
        kind in 0..18_u8,
        flags in prop_oneof![Just(0), any::<u8>()],
        header in prop_oneof![Just([0; 14]), any::<[u8; 14]>()],
        body in vec(prop_oneof![0..3_u8, any::<u8>()], 0..200),
    ) {
        let mut bytes = vec![0; 8];
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&body);
        seal_again(&mut bytes);
        reads_or_refuses(&bytes)?;
        let _ = split_first(&bytes);
        let _ = Failure::read(&body);
        let _ = Refusal::read(&body);
    }

    #[test]
    fn a_frame_with_changed_bytes_and_a_good_checksum_is_read_or_refused(
        frame in frame(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = frame.bytes();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes[8..]) = byte;
        }
        seal_again(&mut bytes);
        reads_or_refuses(&bytes)?;
    }

    #[test]
    fn a_frame_that_is_cut_off_is_waited_for(frame in frame(), end in any::<prop::sample::Index>()) {
        let bytes = frame.bytes();
        let cut = &bytes[..end.index(bytes.len())];
        prop_assert_eq!(split(cut, Checksum::Whole), Ok(None));
        if matches!(frame, Any::Hello(_) | Any::Welcome(_) | Any::Reject(_)) {
            prop_assert_eq!(split_first(cut), Ok(None));
        }
    }

    #[test]
    fn a_frame_that_was_made_shorter_is_read_or_refused(frame in frame(), end in any::<prop::sample::Index>()) {
        let mut bytes = frame.bytes();
        let end = HEADER_LEN + end.index(bytes.len() - HEADER_LEN + 1);
        let shorter = end < bytes.len();
        bytes.truncate(end);
        seal_again(&mut bytes);
        reads_or_refuses(&bytes)?;
        let (header, body) = split(&bytes, Checksum::Whole).expect("a legal header").expect("a whole frame");
        let has_payload = matches!(header.kind, Kind::Request | Kind::Reply | Kind::Chunk);
        prop_assert!(!shorter || has_payload || Any::read(&header, body).is_err());
    }

    #[test]
    fn a_bit_that_flips_is_noticed(frame in frame(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = frame.bytes();
        *at.get_mut(&mut bytes) ^= 1_u8 << bit;
        prop_assert!(!matches!(split(&bytes, Checksum::Whole), Ok(Some(_))));
    }

    #[test]
    fn a_bit_that_flips_in_the_header_is_noticed_even_if_payloads_are_left_out(
        frame in frame(),
        at in 0..HEADER_LEN,
        bit in 0..8,
    ) {
        let mut bytes = Vec::new();
        frame.write(&mut bytes, Checksum::HeaderOnly);
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(!matches!(split(&bytes, Checksum::HeaderOnly), Ok(Some(_))));
    }
}
