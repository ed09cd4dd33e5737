//! Peers that send anything at all: a connection may end of it, nothing else may.

mod support;

use proptest::prelude::*;
use rpc_core::client::ConnectionId;
use rpc_core::frame::{self, Answer, BoundMethod, BoundResult, Checksum, Kind};
use rpc_core::server::{Begin, Completion, Lane};
use rpc_core::{Instant, SlotId};
use std::collections::BTreeMap;
use support::services::*;
use support::wire::*;
use support::{Pair, SECOND};

/// A frame with a good checksum whose fields are anything.
#[derive(Clone, Debug)]
struct Anything {
    kind: u8,
    flags: u8,
    method: u16,
    deadline: u32,
    slot: u32,
    sequence: u64,
    body: Vec<u8>,
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..64),
        2 => prop::collection::vec(0..3u8, 0..64),
        // A total length, and a part that is long enough.
        1 => (any::<u32>(), 4096..9000usize).prop_map(|(total, length)| {
            let mut body = (total % (20 << 20)).to_le_bytes().to_vec();
            body.resize(4 + length, 3);
            body
        }),
    ]
}

fn anything() -> impl Strategy<Value = Anything> {
    let kind = prop_oneof![1 => 0..18u8, 3 => Just(6), 3 => Just(7), 2 => Just(8), 1 => Just(9)];
    let flags = prop_oneof![6 => Just(0u8), 2 => Just(2), 1 => any::<u8>(), 2 => prop::sample::select(vec![1, 4, 8, 16, 32])];
    let method = prop_oneof![6 => 0..9u16, 1 => any::<u16>()];
    let deadline = prop_oneof![3 => Just(0u32), 2 => Just(60_000), 1 => any::<u32>()];
    let slot = prop_oneof![8 => 0..4u32, 1 => 0..(1u32 << 24)];
    let sequence = prop_oneof![8 => 0..4u64, 1 => 0..(1u64 << 40)];
    (kind, flags, method, deadline, slot, sequence, body()).prop_map(
        |(kind, flags, method, deadline, slot, sequence, body)| Anything {
            kind,
            flags,
            method,
            deadline,
            slot,
            sequence,
            body,
        },
    )
}

impl Anything {
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let id = SlotId { slot: self.slot, sequence: self.sequence };
        let kind = Kind::from_wire(self.kind).unwrap_or(Kind::Ping);
        let start = frame::begin(&mut out, kind, frame::Flags::NONE, self.method, self.deadline, id);
        (out[8], out[9]) = (self.kind, self.flags);
        out.extend_from_slice(&self.body);
        frame::seal(&mut out, start, Checksum::Whole);
        out
    }
}

/// What must hold of a pair whatever one of its sides was told.
fn sound(pair: &mut Pair) -> Result<(), TestCaseError> {
    let mut seen: BTreeMap<(u64, SlotId), usize> = BTreeMap::new();
    for executed in pair.executed.iter().filter(|executed| !executed.execute.idempotent) {
        let id = executed.execute.request_id;
        let times = seen.entry((id.session.0, id.at)).or_default();
        *times += 1;
        prop_assert_eq!(*times, 1, "{:?} was executed again", id);
    }
    Ok(())
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_server_survives_arbitrary_first_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut pair = Pair::new();
        let mut handshake = pair.arrival();
        prop_assert!(!matches!(handshake.handle_bytes(&bytes), Ok(Some(_))));
    }

    #[test]
    fn a_session_survives_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut pair, _) = Pair::ready();
        pair.inject_up(&bytes);
        pair.run_for(60 * SECOND);
        prop_assert!(pair.executed.is_empty());
    }

    #[test]
    fn a_client_survives_arbitrary_bytes(greeted in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut pair, hall) = Pair::ready();
        pair.hold();
        if !greeted {
            pair.raw = true;
            pair.cut();
        }
        let key = pair.start_within(hall, SELL, b"", SECOND);
        pair.inject_down(&bytes);
        pair.run_for(2 * SECOND);
        prop_assert!(pair.has_ended(key));
    }

    #[test]
    fn a_session_survives_arbitrary_frames(frames in prop::collection::vec(anything(), 1..60), slow in any::<bool>()) {
        // The session, whose numbers are anything now, is not taken up again.
        let mut pair = Pair::with(Default::default(), Pair::fleeting(), vec![&HALL]);
        pair.bind(&HALL);
        pair.handler = Box::new(move |execute| match execute.at.slot {
            0 if slow => None,
            1 => Some(Completion::NotStarted { code: rpc_core::Code::InvalidArgument, reason: "?".into() }),
            2 => Some(Pair::panicked("?")),
            _ => Some(Completion::Ok(execute.payload.clone())),
        });
        for frame in &frames {
            pair.inject_up(&frame.write());
        }
        pair.run_for(SECOND);
        sound(&mut pair)?;
        // The server itself is none the worse for it.
        let hall = pair.client.bind(pair.now, &HALL);
        pair.run_for(10 * SECOND);
        pair.cut();
        pair.echo();
        prop_assert!(pair.call(hall, SELL, b"x").is_ok());
    }

    #[test]
    fn a_session_that_is_fed_on_after_its_end_executes_nothing_twice(frames in prop::collection::vec(anything(), 1..60)) {
        let (mut pair, _) = Pair::ready();
        let now = pair.now;
        let session = pair.session();
        let mut seen: BTreeMap<SlotId, usize> = BTreeMap::new();
        for frame in &frames {
            session.handle_bytes(now, Lane(0), &frame.write());
            loop {
                match session.poll_output() {
                    rpc_core::server::Output::Execute(execute) if !execute.idempotent => {
                        *seen.entry(execute.at).or_default() += usize::from(session.begin(now, execute.at) == Begin::Now);
                        session.complete(now, execute.at, Completion::Ok(execute.payload));
                    }
                    rpc_core::server::Output::Wait(_) => break,
                    _ => {}
                }
            }
        }
        prop_assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    }

    #[test]
    fn what_a_session_holds_for_writing_stays_within_its_limit(frames in prop::collection::vec(anything(), 1..20)) {
        let (mut pair, _) = Pair::ready();
        let now = pair.now;
        let session = pair.session();
        let mut turns = 0;
        while session.reads(Lane(0)) && turns < 500 {
            turns += 1;
            for frame in frames.iter().filter(|frame| frame.kind != 14) {
                session.handle_bytes(now, Lane(0), &frame.write());
                while let rpc_core::server::Output::Execute(execute) = session.poll_output() {
                    let _ = session.begin(now, execute.at);
                    session.complete(now, execute.at, Completion::Ok(execute.payload));
                }
            }
        }
        let mut held = Vec::new();
        while session.poll_transmit(now, Lane(0), &mut held) {}
        prop_assert!(held.len() <= (1 << 20) + (1 << 18), "{} bytes", held.len());
    }

    #[test]
    fn a_client_survives_arbitrary_frames(frames in prop::collection::vec(anything(), 1..60), calls in 1..6u16) {
        let (mut pair, hall) = Pair::ready();
        pair.raw = true;
        pair.cut();
        let keys: Vec<_> = (0..calls).map(|n| pair.start_within(hall, n % 2, &[1; 8], 2 * SECOND)).collect();
        let methods = vec![BoundMethod::Usable; 3];
        let result = BoundResult::Accepted { version: (1, 1), methods, types: Vec::new() };
        pair.inject_down(&written(|out| {
            welcome(3).write(out);
            frame::Bound { number: 0, result }.write(out);
        }));
        for (n, frame) in frames.iter().enumerate() {
            pair.inject_down(&frame.write());
            if n % 7 == 3 {
                pair.give_up(keys[n % keys.len()]);
            }
        }
        pair.run_for(3 * SECOND);
        for key in &keys {
            let ends = pair.ended.iter().filter(|(ended, ..)| ended == key).count();
            prop_assert!(ends <= 1);
        }
        // With an honest server, all of it is forgotten.
        pair.raw = false;
        pair.cut();
        prop_assert!(pair.call(hall, SELL, b"x").is_ok());
    }
}

#[test]
fn bytes_for_a_connection_that_is_gone_are_used_up_and_do_nothing() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    let bytes = answer(id(0, 1), Answer::Ok, b"");
    assert_eq!(pair.client.handle_bytes(pair.now, ConnectionId(99), &bytes), bytes.len());
    pair.client.handle_disconnected(pair.now, ConnectionId(99), "?");
    pair.client.handle_dialled(pair.now, ConnectionId(99), "?");
    pair.pump();
    assert!(!pair.has_ended(key));
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_call_of_a_method_that_the_trait_does_not_have_fails_alone() {
    let mut pair = Pair::new();
    let hall = pair.client.bind(pair.now, &HALL);
    let key = pair.start(hall, 77, b"");
    pair.settle();
    assert!(pair.end_of(key).is_err());
    pair.call(hall, SELL, b"").expect("the channel lives");
    assert!(pair.now >= Instant(0));
}

#[test]
fn a_length_of_four_gibibytes_ends_the_connection_at_once() {
    for up in [true, false] {
        let (mut pair, _) = Pair::ready();
        let newest = pair.newest();
        match up {
            true => pair.inject_up(&u32::MAX.to_le_bytes()),
            false => pair.inject_down(&u32::MAX.to_le_bytes()),
        }
        assert!(!pair.wires[&newest].is_open_at_the_client());
    }
}
