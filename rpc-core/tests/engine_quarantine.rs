//! Slots whose callers have given up, and calls that are fenced before they are tried again: each of the server's answers.

mod support;

use rpc_core::client::{self, BindingId, CallKey, Outcome};
use rpc_core::frame::{Answer, Kind, Reject, RejectCode, Welcome};
use rpc_core::server::{self, Completion};
use rpc_core::{Code, Domain, Execution, Limits, RequestId, SessionId};
use std::time::Duration;
use support::played::*;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, outcome, payload, unknown};

/// A session of two slots, the first of which is in quarantine; the call.
fn quarantined() -> (Pair, BindingId, RequestId) {
    let (mut pair, hall) = played(2);
    let key = pair.start_within(hall, SELL, b"seat 1", 300 * MS);
    let number = unknown(&failure(pair.end_of(key)));
    assert_eq!(cancels(&mut pair), [(id(0, 1), true)]);
    (pair, hall, number)
}

/// A session of two slots. A copy of the call was refused, another one may be under way.
fn fencing() -> (Pair, BindingId, CallKey) {
    fencing_for(10 * SECOND)
}

fn fencing_for(timeout: Duration) -> (Pair, BindingId, CallKey) {
    let (mut pair, hall) = played(2);
    let key = pair.start_within(hall, SELL, b"seat 1", timeout);
    resume(&mut pair, 2);
    refuse(&mut pair, id(0, 1), Code::ResourceExhausted, 700);
    assert_eq!(cancels(&mut pair), [(id(0, 1), true)]);
    assert!(!pair.has_ended(key));
    (pair, hall, key)
}

#[test]
fn every_answer_ends_the_quarantine_and_is_the_outcome() {
    for (with, wanted) in [
        (Answer::Ok, Execution::Executed),
        (Answer::Application, Execution::Executed),
        (Answer::Failed, Execution::Executed),
        (Answer::Executed, Execution::Executed),
        (Answer::Fenced, Execution::NotExecuted),
        (Answer::Unknown, Execution::Unknown),
    ] {
        let (mut pair, _, number) = quarantined();
        assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
        say(&mut pair, id(0, 1), with);
        let outcome = outcome(&mut pair, number);
        assert_eq!(outcome.execution(), wanted, "{with:?}: {outcome:?}");
        assert!(!matches!(outcome, Outcome::Pending | Outcome::Unknown { settled: false }), "{with:?}");
        assert_eq!((&pair.settled[..], pair.client.slots_in_use()), (&[number][..], 0), "{with:?}");
        let known = u64::from(wanted != Execution::Unknown);
        assert_eq!(pair.client.stats().resolved, known, "{with:?}");
    }
}

#[test]
fn the_refusal_of_the_only_copy_is_as_good_as_a_fence() {
    let (mut pair, hall, number) = quarantined();
    refuse(&mut pair, id(0, 1), Code::Unavailable, 0);
    assert!(matches!(outcome(&mut pair, number), Outcome::NotExecuted));
    assert_eq!(pair.client.slots_in_use(), 0);
    // The fence is answered too, and that is nobody's answer any more.
    pair.start(hall, SELL, b"next");
    say(&mut pair, id(0, 1), Answer::Fenced);
    assert_eq!((requests(&mut pair), pair.client.slots_in_use()), (vec![id(0, 1), id(0, 2)], 1));
}

#[test]
fn the_refusal_of_one_copy_of_two_does_not_end_the_quarantine() {
    let (mut pair, hall) = played(2);
    let key = pair.start_within(hall, SELL, b"seat 1", SECOND);
    resume(&mut pair, 2);
    let number = unknown(&failure(pair.end_of(key)));
    refuse(&mut pair, id(0, 1), Code::Unavailable, 0);
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    refuse(&mut pair, id(0, 1), Code::Unavailable, 0);
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending), "one copy is refused once");
    say(&mut pair, id(0, 1), Answer::Fenced);
    assert!(matches!(outcome(&mut pair, number), Outcome::NotExecuted));
}

#[test]
fn a_fence_that_finds_its_slot_busy_is_written_again_when_the_server_says_and_not_before() {
    let check = |mut pair: Pair| {
        busy(&mut pair, id(0, 1), 700);
        pair.run_for(699 * MS);
        assert_eq!(cancels(&mut pair).len(), 1);
        pair.run_for(MS);
        assert_eq!(cancels(&mut pair).len(), 2);
        pair.run_for(200 * MS);
        assert_eq!(cancels(&mut pair).len(), 2, "it is not answered yet");
    };
    check(quarantined().0);
    check(fencing().0);
}

#[test]
fn a_fence_is_written_again_over_every_connection_until_it_is_answered() {
    let (mut pair, _, number) = quarantined();
    for _ in 0..3 {
        resume(&mut pair, 2);
        assert_eq!((cancels(&mut pair), requests(&mut pair)), (vec![(id(0, 1), true)], vec![]));
        assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    }
    say(&mut pair, id(0, 1), Answer::Fenced);
    assert_eq!(pair.client.slots_in_use(), 0);
    assert!(matches!(outcome(&mut pair, number), Outcome::NotExecuted));
}

#[test]
fn answers_to_other_numbers_do_not_end_the_quarantine() {
    let (mut pair, _, number) = quarantined();
    for other in [id(0, 0), id(0, 2), id(1, 1), id(7, 1)] {
        say(&mut pair, other, Answer::Fenced);
    }
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    assert_eq!(pair.client.slots_in_use(), 1);
}

#[test]
fn while_all_slots_are_in_quarantine_calls_wait_and_end_as_not_executed() {
    let (mut pair, hall) = played(1);
    let first = pair.start(hall, SELL, b"");
    pair.give_up(first);
    let start = pair.now;
    let error = pair.start_within(hall, SELL, b"", SECOND);
    let error = failure(pair.end_of(error));
    assert_eq!((error.execution(), pair.now), (Execution::NotExecuted, start + SECOND), "{error}");
    let next = pair.start(hall, SELL, b"");
    assert_eq!(requests(&mut pair).len(), 1);
    say(&mut pair, id(0, 1), Answer::Fenced);
    assert_eq!(requests(&mut pair), [id(0, 1), id(0, 2)]);
    assert!(!pair.has_ended(next));
}

#[test]
fn an_idempotent_call_that_is_given_up_leaves_its_slot_at_once() {
    let (mut pair, hall) = played(1);
    let key = pair.start_within(hall, FREE, b"", SECOND);
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::Unknown);
    assert_eq!((cancels(&mut pair), pair.client.slots_in_use()), (vec![(id(0, 1), false)], 0));
    pair.start(hall, SELL, b"");
    assert_eq!(requests(&mut pair), [id(0, 1), id(0, 2)]);
}

#[test]
fn a_call_that_is_fenced_ends_with_whatever_the_server_says_of_it() {
    let (mut pair, _, key) = fencing();
    pair.inject_down(&answer(id(0, 1), Answer::Ok, b"ticket"));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    for (with, wanted) in [
        (Answer::Failed, Execution::Executed),
        (Answer::Executed, Execution::Executed),
        (Answer::Unknown, Execution::Unknown),
    ] {
        let (mut pair, _, key) = fencing();
        say(&mut pair, id(0, 1), with);
        let error = failure(pair.end_of(key));
        assert_eq!((error.execution(), pair.client.slots_in_use()), (wanted, 0), "{with:?}: {error}");
    }
}

#[test]
fn a_call_that_is_fenced_off_is_tried_again_when_the_server_wanted_and_not_before() {
    let (mut pair, _, key) = fencing();
    say(&mut pair, id(0, 1), Answer::Fenced);
    pair.run_for(699 * MS);
    assert_eq!(requests(&mut pair), [id(0, 1)]);
    pair.run_for(100 * MS);
    assert_eq!(requests(&mut pair), [id(0, 1), id(0, 2)]);
    pair.inject_down(&answer(id(0, 2), Answer::Ok, b"ticket"));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
}

#[test]
fn a_call_that_is_given_up_while_it_is_fenced_stays_in_quarantine_and_is_fenced_once() {
    let (mut pair, _, key) = fencing_for(SECOND);
    let number = unknown(&failure(pair.end_of(key)));
    assert_eq!((cancels(&mut pair).len(), pair.client.slots_in_use()), (1, 1));
    say(&mut pair, id(0, 1), Answer::Fenced);
    assert!(matches!(outcome(&mut pair, number), Outcome::NotExecuted));
    assert_eq!((pair.client.slots_in_use(), requests(&mut pair).len()), (0, 1), "nobody tries it again");
}

#[test]
fn an_idempotent_call_of_which_one_copy_was_refused_is_tried_again_without_a_fence() {
    let (mut pair, hall) = played(2);
    let key = pair.start(hall, FREE, b"");
    resume(&mut pair, 2);
    refuse(&mut pair, id(0, 1), Code::Unavailable, 0);
    pair.run_for(100 * MS);
    assert_eq!((cancels(&mut pair), requests(&mut pair)), (vec![], vec![id(0, 1), id(0, 2)]));
    // The other copy may have run, so that no refusal says that it did not.
    refuse(&mut pair, id(0, 2), Code::InvalidArgument, 0);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn a_session_with_nothing_but_slots_in_quarantine_is_dialled_for_until_its_lease_is_over() {
    let server = server::Config { limits: Limits::default().lease(60 * SECOND), ..Default::default() };
    let mut pair = Pair::with(Default::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 300 * MS);
    pair.unreachable = true;
    pair.cut();
    let lost = pair.now;
    let number = unknown(&failure(pair.end_of(key)));
    pair.run_until(lost + 59 * SECOND);
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    let dials = pair.dials.len();
    assert!(dials > 5, "{dials}");
    pair.run_until(lost + 60 * SECOND);
    assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled: false }));
    assert_eq!((&pair.settled[..], pair.client.slots_in_use()), (&[number][..], 0));
    let dials = pair.dials.len();
    pair.run_for(600 * SECOND);
    assert_eq!(pair.dials.len(), dials, "nobody waits for anything");
}

#[test]
fn a_session_with_nothing_but_slots_in_quarantine_is_looked_for_at_its_own_address_alone() {
    let config = client::Config { addresses: 3, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.serve_at(1, Default::default());
    pair.serve_at(2, Default::default());
    let hall = pair.bind(&HALL);
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 300 * MS);
    let number = unknown(&failure(pair.end_of(key)));
    pair.dead = vec![0];
    pair.cut();
    pair.run_for(30 * SECOND);
    assert!(
        pair.addresses.len() > 3 && pair.addresses.iter().all(|address| *address == 0),
        "{:?}",
        pair.addresses
    );
    pair.dead.clear();
    pair.run_for(60 * SECOND);
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert!(matches!(outcome(&mut pair, number), Outcome::Executed(Some(_))));
}

#[test]
fn only_the_sessions_own_reply_cache_settles_that_nothing_starts_any_more() {
    for own in [true, false] {
        let (mut pair, _, number) = quarantined();
        lose(&mut pair);
        let domain = if own { held(2).domain } else { Domain([8; 16]) };
        greet(&mut pair, &Welcome { session: SessionId(10), domain, ..held(2) });
        assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled } if settled == own));
        assert_eq!(pair.client.slots_in_use(), 0);
    }
}

#[test]
fn a_server_that_goes_away_and_does_not_know_the_session_settles_nothing() {
    let (mut pair, hall) = played(2);
    let waiting = pair.start(hall, SELL, b"seat 2");
    let key = pair.start_within(hall, SELL, b"seat 1", 300 * MS);
    let number = unknown(&failure(pair.end_of(key)));
    lose(&mut pair);
    let reject = Reject { code: RejectCode::NoSession, reason: "?".into(), ..Reject::default() };
    pair.inject_down(&written(|out| reject.write(out)));
    assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled: false }));
    let number = unknown(&failure(pair.end_of(waiting)));
    assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled: false }));
}

#[test]
fn a_session_is_not_given_up_while_its_server_is_asked_for_it() {
    let (mut pair, hall) = played(2);
    let key = pair.start_within(hall, SELL, b"seat 1", 700 * SECOND);
    pair.unreachable = true;
    pair.cut();
    // By this client's reckoning the lease is over; its caller still waits.
    pair.run_for(690 * SECOND);
    pair.unreachable = false;
    let dials = pair.dials.len();
    let most = pair.now + 60 * SECOND;
    while pair.dials.len() == dials {
        pair.step(most);
    }
    // The caller gives up before the server answers, which has it still.
    pair.give_up(key);
    pair.inject_down(&written(|out| Welcome { resumed: true, ..held(2) }.write(out)));
    assert!(pair.wire().is_open_at_the_client(), "that is what was asked for");
    assert_eq!(cancels(&mut pair), [(id(0, 1), false)]);
    pair.start(hall, SELL, b"next");
    assert_eq!(requests(&mut pair), [id(1, 1)]);
}

#[test]
fn a_connection_with_nothing_but_fences_is_probed_like_one_with_calls() {
    let (mut pair, _, _) = quarantined();
    let start = pair.now;
    pair.run_until(start + 1500 * MS);
    assert_eq!(of_kind(&pair.wires[&1].up.sent, Kind::Ping).len(), 1);
    assert!(!pair.wires[&1].is_open_at_the_client(), "nothing came for 1.4 s");
}
