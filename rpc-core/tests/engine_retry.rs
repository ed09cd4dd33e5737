//! Calls that were refused are tried again: when, how often, and what is told of it.

mod support;

use rpc_core::client::{self, BindingId, Client, Retry};
use rpc_core::frame::Answer;
use rpc_core::{Code, Error, Execution};
use std::time::Duration;
use support::played::*;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn with(retry: Retry) -> (Pair, BindingId) {
    played_with(client::Config { retry, ..Default::default() }, 1024)
}

/// The wait before the second, third .. attempt of a call that is refused so often.
fn waits(pair: &mut Pair, hall: BindingId, times: u64) -> Vec<Duration> {
    let before = requests(pair);
    pair.start_within(hall, SELL, b"", 600 * SECOND);
    let mut waits = Vec::new();
    for refused in 0..times {
        let made = requests(pair);
        let last = *made.last().expect("it was sent");
        assert_eq!(made.len(), before.len() + refused as usize + 1);
        refuse(pair, last, Code::Unavailable, 0);
        let begin = pair.now;
        while requests(pair).len() == made.len() {
            pair.step(begin + 10 * SECOND);
        }
        waits.push(pair.now - begin);
    }
    waits
}

#[test]
fn the_wait_before_an_attempt_is_anything_within_a_span_that_doubles() {
    let spans = [25 * MS, 50 * MS, 100 * MS];
    let mut longest = [Duration::ZERO; 3];
    let mut shortest = [SECOND; 3];
    for seed in 1..60_u64 {
        let mut pair = Pair::new();
        pair.client = Client::new(client::Config::default(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        pair.raw = true;
        let hall = pair.client.bind(pair.now, &HALL);
        pair.pump();
        greet(&mut pair, &held(8));
        for (n, wait) in waits(&mut pair, hall, 3).into_iter().enumerate() {
            assert!(wait <= spans[n], "wait {n} is {wait:?}");
            longest[n] = longest[n].max(wait);
            shortest[n] = shortest[n].min(wait);
        }
    }
    for n in 0..3 {
        assert!(longest[n] > spans[n] * 3 / 4 && shortest[n] < spans[n] / 4, "{shortest:?} {longest:?}");
    }
}

#[test]
fn the_wait_grows_no_longer_than_its_limit() {
    let (mut pair, hall) = with(Retry::default().attempts(20).first(10 * MS).most(40 * MS));
    let waits = waits(&mut pair, hall, 19);
    assert!(waits.iter().all(|wait| *wait <= 40 * MS), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait > 20 * MS), "{waits:?}");
}

#[test]
fn a_call_is_tried_as_often_as_it_may_and_its_error_lists_the_attempts() {
    let (mut pair, hall) = with(Retry::default().attempts(3));
    waits(&mut pair, hall, 2);
    let key = pair.start_within(hall, SELL, b"", 600 * SECOND);
    for sequence in 1..=3 {
        refuse(&mut pair, id(1, sequence), Code::Unavailable, 0);
        pair.run_for(200 * MS);
    }
    let error = failure(pair.end_of(key));
    assert_eq!((error.execution(), error.attempts().len()), (Execution::NotExecuted, 3), "{error}");
    assert!(error.attempts().iter().all(|attempt| attempt.what == "refused: full"), "{error}");
    assert!(matches!(error, Error::Refused { code: Code::Unavailable, .. }), "{error}");
    assert_eq!(error.request_id().map(|number| number.at), Some(id(1, 3)));
}

#[test]
fn a_call_is_not_tried_again_where_that_cannot_help() {
    for (code, retry_after) in
        [(Code::InvalidArgument, 0), (Code::Unimplemented, 100), (Code::ResourceExhausted, 0)]
    {
        let (mut pair, hall) = played(8);
        let key = pair.start(hall, SELL, b"");
        refuse(&mut pair, id(0, 1), code, retry_after);
        assert!(pair.has_ended(key), "{code:?}");
        assert_eq!(failure(pair.end_of(key)).execution(), Execution::NotExecuted);
    }
}

#[test]
fn a_call_that_would_be_tried_again_after_its_deadline_ends_at_once() {
    let (mut pair, hall) = played(8);
    let start = pair.now;
    let key = pair.start_within(hall, SELL, b"", 500 * MS);
    refuse(&mut pair, id(0, 1), Code::Unavailable, 600);
    let error = failure(pair.end_of(key));
    assert_eq!(pair.now, start, "there is nothing to wait for");
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(pair.client.stats().retried, 0);
}

#[test]
fn a_call_that_is_tried_again_later_holds_no_slot_meanwhile() {
    let (mut pair, hall) = played(1);
    let refused = pair.start(hall, SELL, b"refused");
    refuse(&mut pair, id(0, 1), Code::Unavailable, 700);
    assert_eq!(pair.client.slots_in_use(), 0);
    let next = pair.start(hall, SELL, b"next");
    pair.inject_down(&answer(id(0, 2), Answer::Ok, b"ticket"));
    assert_eq!(payload(&pair.end_of(next)), b"ticket");
    pair.run_for(800 * MS);
    pair.inject_down(&answer(id(0, 3), Answer::Ok, b"late ticket"));
    assert_eq!(payload(&pair.end_of(refused)), b"late ticket");
}

#[test]
fn a_call_that_is_given_up_before_it_is_tried_again_is_not_sent() {
    let (mut pair, hall) = played(8);
    let key = pair.start(hall, SELL, b"");
    refuse(&mut pair, id(0, 1), Code::Unavailable, 100);
    pair.give_up(key);
    pair.run_for(SECOND);
    assert_eq!((requests(&mut pair), cancels(&mut pair)), (vec![id(0, 1)], vec![]));
}

#[test]
fn a_call_that_is_to_be_tried_again_when_the_channel_is_closed_was_not_executed() {
    let (mut pair, hall) = played(8);
    let key = pair.start(hall, SELL, b"");
    refuse(&mut pair, id(0, 1), Code::Unavailable, 100);
    pair.client.close(pair.now);
    pair.pump();
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::NotExecuted);
    pair.run_for(SECOND);
    assert_eq!(requests(&mut pair), [id(0, 1)]);
}

#[test]
fn retries_of_all_calls_are_a_fifth_of_them_and_a_hundred_in_ten_seconds() {
    let (mut pair, hall) = played(1024);
    let mut refused = 0;
    for _ in 0..1000 {
        pair.start(hall, SELL, b"");
    }
    // Whatever is asked is refused, until nothing is asked any more.
    loop {
        let all = requests(&mut pair);
        if all.len() == refused {
            break;
        }
        for at in &all[refused..] {
            refuse(&mut pair, *at, Code::Unavailable, 0);
        }
        refused = all.len();
        pair.run_for(100 * MS);
    }
    assert_eq!((pair.client.stats().retried, refused), (300, 1300));
    assert_eq!(pair.ended.len(), 1000);
}

#[test]
fn a_call_that_is_tried_again_in_another_session_goes_there() {
    let (mut pair, hall) = played(8);
    let key = pair.start(hall, SELL, b"");
    refuse(&mut pair, id(0, 1), Code::Unavailable, 500);
    lose(&mut pair);
    greet(&mut pair, &rpc_core::frame::Welcome { session: rpc_core::SessionId(10), ..held(8) });
    pair.run_for(SECOND);
    assert_eq!(requests(&mut pair), [id(0, 1)], "in the new session");
    pair.inject_down(&answer(id(0, 1), Answer::Ok, b"ticket"));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
}
