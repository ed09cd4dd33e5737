//! What a client does with calls that were written when their connection is lost: the same numbers over the next one, while
//! bytes of the first may still arrive.

mod support;

use rpc_core::client::BindingId;
use rpc_core::frame::{Answer, Kind};
use rpc_core::server::Completion;
use rpc_core::{Code, Execution};
use support::played::*;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

/// A pair whose client has written something that is still under way.
fn under_way() -> (Pair, BindingId) {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.stalled = true;
    (pair, hall)
}

fn not_started() -> Option<Completion> {
    Some(Completion::NotStarted { code: Code::Unavailable, reason: "the hall is being cleaned".into() })
}

/// Handlers that ran, and not such as could not be started.
fn runs(pair: &Pair) -> u64 {
    pair.server_stats().calls
}

#[test]
fn a_call_one_copy_of_which_was_refused_does_not_run_when_the_other_comes_late() {
    let (mut pair, hall) = under_way();
    let key = pair.start(hall, SELL, b"seat 1");
    let first = pair.forsake();
    pair.handler = Box::new(|execute| match execute.at.sequence {
        1 => not_started(),
        _ => Some(Completion::Ok(b"ticket".to_vec())),
    });
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    pair.echo();
    pair.arrive_late(first);
    pair.run_for(SECOND);
    assert_eq!(runs(&pair), 1);
    assert_eq!(
        answers(&pair, 2),
        [(id(0, 1), Answer::Refused), (id(0, 1), Answer::Fenced), (id(0, 2), Answer::Ok)]
    );
}

#[test]
fn a_late_copy_that_overtakes_the_fence_is_the_one_that_runs() {
    let (mut pair, hall) = under_way();
    let key = pair.start(hall, SELL, b"seat 1");
    let first = pair.forsake();
    pair.latency = 10 * MS;
    pair.handler = Box::new(|_| not_started());
    let most = pair.now + SECOND;
    while pair.newest() == first || cancels(&mut pair).is_empty() {
        pair.step(most);
    }
    pair.hold();
    pair.arrive_late(first);
    pair.run_for(100 * MS);
    assert_eq!((runs(&pair), pair.has_ended(key)), (1, false));
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    assert_eq!((runs(&pair), pair.client.slots_in_use()), (1, 0));
}

#[test]
fn a_late_copy_over_the_old_connection_does_not_take_the_reply_away_from_the_new_one() {
    let (mut pair, hall) = under_way();
    pair.hold();
    let key = pair.start(hall, SELL, b"seat 1");
    let first = pair.forsake();
    pair.run_for(SECOND);
    assert_eq!(runs(&pair), 1);
    pair.arrive_late(first);
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    assert_eq!(runs(&pair), 1);
}

#[test]
fn a_call_that_was_given_up_before_its_request_came_is_fenced_over_the_next_connection() {
    for dropped in [true, false] {
        let (mut pair, hall) = under_way();
        let key = pair.start_within(hall, SELL, b"seat 1", 300 * MS);
        pair.unreachable = true;
        let first = pair.forsake();
        match dropped {
            true => pair.give_up(key),
            false => assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown),
        }
        assert_eq!(pair.client.slots_in_use(), 1, "it might come yet");
        pair.unreachable = false;
        pair.run_for(SECOND);
        assert_eq!((cancels(&mut pair), pair.client.slots_in_use()), (vec![(id(0, 1), !dropped)], 0));
        pair.arrive_late(first);
        pair.run_for(SECOND);
        assert_eq!(runs(&pair), 0);
        assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
        assert_eq!(pair.executed[0].execute.at, id(0, 2));
    }
}

#[test]
fn a_late_copy_of_a_refused_call_does_not_answer_the_next_number() {
    let (mut pair, hall) = played(8);
    let key = pair.start(hall, SELL, b"seat 1");
    refuse(&mut pair, id(0, 1), Code::Unavailable, 0);
    pair.run_for(100 * MS);
    assert_eq!(requests(&mut pair), [id(0, 1), id(0, 2)]);
    say(&mut pair, id(0, 1), Answer::Ok);
    assert!(!pair.has_ended(key), "that was another attempt's number");
    pair.inject_down(&answer(id(0, 2), Answer::Ok, b"ticket"));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
}

#[test]
fn a_late_release_does_not_cost_the_next_call_its_reply() {
    let (mut pair, hall) = Pair::ready();
    pair.call(hall, SELL, b"first").expect("it works");
    pair.wire().up.stalled = true;
    pair.run_for(30 * SECOND + 500 * MS);
    assert_eq!(of_kind(&pair.wire().up.sent, Kind::Release).len(), 1);
    let first = pair.forsake();
    pair.call(hall, SELL, b"second").expect("over the next connection");
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, SELL, b"third");
    assert_eq!(runs(&pair), 3);
    pair.arrive_late(first);
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)), b"third");
    assert_eq!(runs(&pair), 3);
}

#[test]
fn a_session_is_resumed_by_a_hello_that_nothing_follows_but_what_was_written_before() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    pair.latency = 5 * MS;
    let keys = [pair.start(hall, SELL, b"a"), pair.start(hall, FREE, b"b"), pair.start(hall, SELL, b"c")];
    pair.settle();
    pair.give_up(keys[2]);
    pair.settle();
    pair.cut();
    pair.run_for(SECOND);
    let sent = pair.wire().up.sent.clone();
    assert_eq!(kinds(&sent), [Kind::Hello, Kind::Request, Kind::Request, Kind::Cancel]);
    let copies = of_kind(&sent, Kind::Request);
    let copies: Vec<_> = copies.iter().map(|frame| request(frame)).collect();
    assert!(copies.iter().all(|copy| copy.resent));
    assert_eq!(copies.iter().map(|copy| copy.id).collect::<Vec<_>>(), [id(0, 1), id(1, 1)]);
    assert_eq!((runs(&pair), pair.bound.len()), (3, 1));
}

#[test]
fn calls_that_were_not_written_go_first_and_in_their_order() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let (zero, one) = (pair.start(hall, SELL, b"0"), pair.start(hall, SELL, b"1"));
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    pair.complete(id(1, 1), Completion::Ok(Vec::new()));
    assert!(pair.end_of(zero).is_ok() && pair.end_of(one).is_ok());
    pair.executed.clear();
    pair.wire().up.blocked = true;
    // The last slot that became free is taken first.
    pair.start(hall, SELL, b"first");
    pair.start(hall, SELL, b"second");
    pair.unreachable = true;
    pair.cut();
    pair.start(hall, SELL, b"third");
    pair.unreachable = false;
    pair.run_for(SECOND);
    let order: Vec<_> = pair.executed.iter().map(|e| e.execute.payload.clone()).collect();
    assert_eq!(order, [&b"first"[..], b"second", b"third"]);
    assert!(pair.executed.iter().all(|e| e.execute.attempt == 1), "none of them is a copy");
}

#[test]
fn a_large_request_of_which_a_part_was_written_is_written_again_whole_under_its_number() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.cut_at = Some(100 << 10);
    let sent: Vec<u8> = (0..300u32 << 10).map(|n| (n % 251) as u8).collect();
    let key = pair.start(hall, SELL, &sent);
    assert_eq!(payload(&pair.end_of(key)), sent);
    let execute = &pair.executed[0].execute;
    assert_eq!((execute.at, execute.attempt, runs(&pair)), (id(0, 1), 2, 1));
}

#[test]
fn a_connection_that_is_lost_again_and_again_costs_no_attempt() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 3600 * SECOND);
    for lost in 1..=10 {
        pair.cut();
        pair.run_for(60 * SECOND);
        assert_eq!((pair.client.stats().resumed, runs(&pair)), (lost, 1));
    }
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    assert_eq!(pair.client.stats().retried, 0);
}

#[test]
fn a_server_that_resumes_another_session_than_was_asked_for_is_left() {
    let (mut pair, hall) = played(8);
    let key = pair.start(hall, SELL, b"");
    lose(&mut pair);
    let other = rpc_core::frame::Welcome { resumed: true, session: rpc_core::SessionId(10), ..held(8) };
    pair.inject_down(&written(|out| other.write(out)));
    assert!(!pair.wire().is_open_at_the_client());
    assert!(requests(&mut pair).is_empty(), "nothing of another session is written there");
    pair.run_for(11 * SECOND);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}
