//! What became of calls that ended without it being known whether they ran.

mod support;

use rpc_core::client::{self, BindingId, CallKey, Outcome};
use rpc_core::server::Completion;
use rpc_core::{Error, Execution, Limits, RequestId};
use support::played::*;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, outcome};

fn with(limits: Limits) -> (Pair, BindingId) {
    let mut pair =
        Pair::with(client::Config { limits, ..Default::default() }, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    (pair, hall)
}

/// A call that runs on when its caller has heard that nobody knows.
fn in_doubt(pair: &mut Pair, hall: BindingId) -> RequestId {
    let key = pair.start_within(hall, SELL, b"seat 1", 300 * MS);
    unknown(pair, key)
}

fn unknown(pair: &mut Pair, key: CallKey) -> RequestId {
    support::unknown(&failure(pair.end_of(key)))
}

fn is_forgotten(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown { settled: false })
}

fn reply_of(outcome: Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Executed(Some(reply)) => reply.payload.as_slice().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reply_of_any_size_that_comes_after_the_deadline_is_the_outcome() {
    for size in [0, 100, 64 << 10, (64 << 10) + 1, 1 << 20] {
        let (mut pair, hall) = with(Limits::default());
        let number = in_doubt(&mut pair, hall);
        let reply: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        pair.complete(id(0, 1), Completion::Ok(reply.clone()));
        pair.settle();
        assert_eq!(reply_of(outcome(&mut pair, number)), reply);
        assert_eq!((&pair.settled[..], pair.client.slots_in_use()), (&[number][..], 0));
    }
}

#[test]
fn a_large_reply_that_was_on_its_way_at_the_deadline_comes_again_whole() {
    let (mut pair, hall) = with(Limits::default());
    let key = pair.start_within(hall, SELL, b"seat 1", 300 * MS);
    let reply: Vec<u8> = (0..1u32 << 20).map(|n| (n % 251) as u8).collect();
    // Some of its parts have come when the caller gives up.
    let sent = pair.wire().down.sent.len();
    pair.wire().down.line =
        Some(support::pipe::Line { bytes_a_second: 1 << 20, room: 64 << 10, free: pair.now });
    pair.complete(id(0, 1), Completion::Ok(reply.clone()));
    let number = unknown(&mut pair, key);
    assert!(pair.wire().down.sent.len() > sent + (100 << 10), "it was on its way");
    pair.run_for(5 * SECOND);
    assert_eq!(reply_of(outcome(&mut pair, number)), reply);
    assert_eq!(pair.client.slots_in_use(), 0);
}

#[test]
fn a_large_reply_comes_again_over_the_next_connection() {
    let (mut pair, hall) = with(Limits::default());
    let key = pair.start_within(hall, SELL, b"seat 1", 300 * MS);
    let cut = pair.wire().down.sent.len() + (200 << 10);
    pair.wire().down.cut_at = Some(cut);
    pair.unreachable = true;
    pair.complete(id(0, 1), Completion::Ok(vec![7; 1 << 20]));
    let number = unknown(&mut pair, key);
    pair.unreachable = false;
    pair.run_for(SECOND);
    assert_eq!(reply_of(outcome(&mut pair, number)), vec![7; 1 << 20]);
}

#[test]
fn an_error_of_the_application_is_an_outcome_like_any_reply() {
    let (mut pair, hall) = with(Limits::default());
    let number = in_doubt(&mut pair, hall);
    pair.complete(id(0, 1), Completion::Application(b"sold out".to_vec()));
    assert_eq!(reply_of(outcome(&mut pair, number)), b"sold out");
}

#[test]
fn a_panic_after_the_deadline_is_the_outcome() {
    let (mut pair, hall) = with(Limits::default());
    let number = in_doubt(&mut pair, hall);
    pair.complete(id(0, 1), Pair::panicked("no such seat"));
    let Outcome::Failed(error) = outcome(&mut pair, number) else { panic!("it ran") };
    assert!(matches!(error, Error::Internal { .. }), "{error}");
    assert!(error.to_string().contains("no such seat"), "{error}");
    assert_eq!(error.execution(), Execution::Executed);
}

#[test]
fn a_call_whose_caller_has_asked_for_its_number_and_gone_can_be_asked_for() {
    let (mut pair, hall) = with(Limits::default());
    let key = pair.start(hall, SELL, b"seat 1");
    let number = pair.client.request_id_of(key).expect("it was sent");
    pair.give_up(key);
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(reply_of(outcome(&mut pair, number)), b"ticket");
}

#[test]
fn of_a_call_whose_caller_has_gone_without_a_word_nothing_is_kept() {
    let (mut pair, hall) = with(Limits::default());
    let key = pair.start(hall, SELL, b"seat 1");
    let number = pair.executed[0].execute.request_id;
    pair.give_up(key);
    assert!(is_forgotten(&outcome(&mut pair, number)));
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert!(is_forgotten(&outcome(&mut pair, number)));
    assert!(pair.settled.is_empty());
    assert_eq!(cancels(&mut pair), [(id(0, 1), false)]);
}

#[test]
fn of_a_call_that_ended_with_an_answer_nothing_is_kept() {
    let (mut pair, hall) = with(Limits::default());
    pair.echo();
    let number = pair.call(hall, SELL, b"").expect("it works").request_id.expect("it was written");
    assert!(is_forgotten(&outcome(&mut pair, number)));
}

#[test]
fn an_outcome_is_forgotten_when_its_time_is_over_and_who_waits_for_it_is_told() {
    let (mut pair, hall) = with(Limits::default().outcomes_for(60 * SECOND));
    let number = in_doubt(&mut pair, hall);
    let ended = pair.now;
    pair.run_until(ended + 59 * SECOND);
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    pair.run_until(ended + 60 * SECOND);
    assert!(is_forgotten(&outcome(&mut pair, number)));
    assert_eq!(pair.settled, [number]);
    // Its slot still waits for the server, and is used again afterwards.
    assert_eq!(pair.client.slots_in_use(), 1);
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!((pair.client.slots_in_use(), pair.settled.len()), (0, 1));
    assert!(is_forgotten(&outcome(&mut pair, number)));
}

#[test]
fn an_outcome_that_is_known_is_kept_for_as_long() {
    let (mut pair, hall) = with(Limits::default().outcomes_for(60 * SECOND));
    let number = in_doubt(&mut pair, hall);
    let ended = pair.now;
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    pair.run_until(ended + 59 * SECOND);
    assert_eq!(reply_of(outcome(&mut pair, number)), b"ticket");
    pair.run_until(ended + 60 * SECOND);
    assert!(is_forgotten(&outcome(&mut pair, number)));
    assert_eq!(pair.settled, [number], "once");
}

#[test]
fn the_oldest_outcome_is_forgotten_when_there_are_too_many() {
    let (mut pair, hall) = with(Limits::default().outcomes_max(2));
    let numbers = [0; 3].map(|_| in_doubt(&mut pair, hall));
    assert!(is_forgotten(&outcome(&mut pair, numbers[0])));
    assert_eq!(pair.settled, [numbers[0]]);
    for (slot, number) in [(1, numbers[1]), (2, numbers[2])] {
        pair.complete(id(slot, 1), Completion::Ok(b"ticket".to_vec()));
        assert_eq!(reply_of(outcome(&mut pair, number)), b"ticket");
    }
}

#[test]
fn a_channel_that_is_closed_settles_whatever_is_pending_as_unknown() {
    let (mut pair, hall) = with(Limits::default());
    let pending = in_doubt(&mut pair, hall);
    let running = pair.start(hall, SELL, b"seat 2");
    let _known = in_doubt(&mut pair, hall);
    pair.complete(id(2, 1), Completion::Ok(b"ticket".to_vec()));
    pair.settled.clear();
    pair.client.close(pair.now);
    pair.pump();
    let running = unknown(&mut pair, running);
    pair.settled.sort();
    assert_eq!(pair.settled, [pending, running]);
    for number in [pending, running] {
        assert!(is_forgotten(&outcome(&mut pair, number)));
    }
    assert_eq!((pair.client.slots_in_use(), pair.client.stats().resolved), (0, 1));
    pair.run_for(3600 * SECOND);
    assert_eq!(pair.settled.len(), 2);
}
