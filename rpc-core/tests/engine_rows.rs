//! The rows of the failure table (`docs/semantics.md`): what the server does and what the caller learns, each from its beginning
//! to its end.

mod support;

use rpc_core::client::{self, BindingId, Outcome, Retry};
use rpc_core::frame::{Answer, Bound, BoundMethod, BoundResult, Cancel, Checksum, Kind, Refusal, Reply};
use rpc_core::server::{self, Completion};
use rpc_core::{Code, Error, Execution, Limits};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, outcome, payload, unknown};

/// A pair whose server has these limits.
fn served_with(limits: Limits) -> (Pair, BindingId) {
    let server = server::Config { limits, ..Default::default() };
    let mut pair = Pair::with(Default::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    (pair, hall)
}

/// All requests that the client has written, to whichever connection.
fn requests(pair: &Pair) -> Vec<Vec<u8>> {
    pair.wires.values().flat_map(|wire| of_kind(&wire.up.sent, Kind::Request)).collect()
}

/// All replies that the server has written.
fn replies(pair: &Pair) -> Vec<Vec<u8>> {
    pair.wires.values().flat_map(|wire| of_kind(&wire.down.sent, Kind::Reply)).collect()
}

#[test]
fn a_request_that_is_lost_on_its_way_is_sent_again_under_its_number_and_runs_once() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.black_hole = true;
    let key = pair.start(hall, SELL, b"seat 1");
    assert!(pair.executed.is_empty());
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)), b"seat 1");
    assert_eq!(pair.executed.len(), 1);
    let requests = requests(&pair);
    let sent: Vec<_> = requests.iter().map(|frame| request(frame)).map(|r| (r.id, r.resent)).collect();
    assert_eq!(sent, [(id(0, 1), false), (id(0, 1), true)]);
    // The first copy comes after all.
    pair.inject_up(&requests[0]);
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_call_whose_connection_breaks_while_it_runs_gets_the_result_of_that_very_run() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    pair.cut();
    pair.run_for(SECOND);
    assert_eq!((pair.dials.len(), pair.has_ended(key)), (2, false));
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    let stats = pair.client.stats();
    assert_eq!((pair.executed.len(), stats.attached, stats.retried), (1, 1, 0));
}

#[test]
fn a_reply_that_is_lost_is_sent_again_byte_for_byte_and_nothing_runs_again() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, SELL, b"ticket");
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    let replies = replies(&pair);
    let read: Vec<_> = replies.iter().map(|frame| reply(frame)).map(|r| (r.replayed, r.payload)).collect();
    assert_eq!(read, [(false, &b"ticket"[..]), (true, b"ticket")]);
    let stats = pair.client.stats();
    assert_eq!((pair.executed.len(), stats.replayed, stats.retried), (1, 1, 0));
}

#[test]
fn a_call_on_a_line_that_went_dead_is_answered_over_the_next_connection() {
    let (mut pair, hall) = Pair::ready();
    let start = pair.now;
    pair.wire().up.vanish();
    pair.wire().down.vanish();
    let key = pair.start(hall, SELL, b"seat 1");
    assert_eq!(payload(&pair.end_of(key)), b"seat 1");
    assert!(pair.now - start < 2 * SECOND, "{:?}", pair.now - start);
    assert_eq!((pair.executed.len(), pair.client.stats().resumed), (1, 1));
}

#[test]
fn a_damaged_frame_costs_its_connection_and_no_call() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"seat 1");
    let mut damaged = requests(&pair).remove(0);
    damaged[26] ^= 1;
    pair.inject_up(&damaged);
    assert!(pair.wires[&1].is_closed());
    pair.run_for(SECOND);
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
    assert_eq!((pair.executed.len(), pair.client.stats().resumed), (1, 1));
}

#[test]
fn new_calls_go_to_another_server_while_those_under_way_wait_for_their_own() {
    let config = client::Config { addresses: 2, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    let key = pair.start(hall, SELL, b"old");
    pair.dead = vec![0];
    pair.cut();
    let next = pair.start(hall, SELL, b"new");
    pair.run_for(SECOND);
    let at = pair.executed[1].execute.at;
    pair.complete(at, Completion::Ok(b"new ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(next)), b"new ticket");
    assert!(!pair.has_ended(key));
    pair.dead.clear();
    pair.run_for(2 * SECOND);
    let session = pair.executed[0].execute.request_id.session;
    let now = pair.now;
    let first = pair.sessions.get_mut(&session).expect("it lives");
    first.complete(now, id(0, 1), Completion::Ok(b"old ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"old ticket");
    assert_eq!(pair.executed.len(), 2);
}

/// The first so many handlers cannot be started.
fn refuse_first(pair: &mut Pair, times: usize) {
    let mut left = times;
    pair.handler = Box::new(move |execute| {
        if left == 0 {
            return Some(Completion::Ok(execute.payload.clone()));
        }
        left -= 1;
        Some(Completion::NotStarted { code: Code::Unavailable, reason: "the hall is being cleaned".into() })
    });
}

#[test]
fn a_call_that_is_refused_is_tried_again_under_another_number() {
    let (mut pair, hall) = Pair::ready();
    refuse_first(&mut pair, 2);
    let key = pair.start(hall, SELL, b"seat 1");
    assert_eq!(payload(&pair.end_of(key)), b"seat 1");
    let numbers: Vec<_> = requests(&pair).iter().map(|frame| request(frame).id).collect();
    assert_eq!(numbers, [id(0, 1), id(0, 2), id(0, 3)]);
    assert_eq!(pair.client.stats().retried, 2);
}

#[test]
fn a_call_that_is_always_refused_ends_with_all_of_its_attempts() {
    let (mut pair, hall) = Pair::ready();
    refuse_first(&mut pair, usize::MAX);
    let key = pair.start(hall, SELL, b"");
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::Refused { code: Code::Unavailable, .. }), "{error}");
    assert_eq!((error.execution(), error.attempts().len()), (Execution::NotExecuted, 4));
}

#[test]
fn a_call_is_not_tried_again_when_the_budget_for_that_is_spent() {
    let retry = Retry::default().percent(0).a_second(0);
    let config = client::Config { retry, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    refuse_first(&mut pair, 1);
    let (start, key) = (pair.now, pair.start(hall, SELL, b""));
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!((pair.now, requests(&pair).len()), (start, 1));
}

/// A pair whose server the test plays, with one slot; the client has said nothing yet.
fn played() -> (Pair, BindingId) {
    let (mut pair, hall) = (Pair::new(), BindingId(0));
    pair.raw = true;
    assert_eq!(pair.client.bind(pair.now, &HALL), hall);
    pair.pump();
    let result =
        BoundResult::Accepted { version: (1, 1), methods: vec![BoundMethod::Usable; 3], types: Vec::new() };
    pair.inject_down(&written(|out| {
        welcome(1).write(out);
        Bound { number: 0, result }.write(out);
    }));
    (pair, hall)
}

#[test]
fn a_server_that_says_when_to_come_again_is_not_asked_before() {
    let (mut pair, hall) = played();
    let key = pair.start(hall, SELL, b"seat 1");
    let refusal = written(|out| Refusal { code: Code::ResourceExhausted, reason: "full".into() }.write(out));
    let refused = Reply {
        id: id(0, 1),
        answer: Answer::Refused,
        retry_after: 700,
        payload: &refusal,
        ..Reply::default()
    };
    pair.inject_down(&written(|out| refused.write(out, Checksum::Whole)));
    pair.run_for(699 * MS);
    assert_eq!(requests(&pair).len(), 1);
    pair.run_for(100 * MS);
    assert_eq!(request(&requests(&pair)[1]).id, id(0, 2));
    pair.inject_down(&answer(id(0, 2), Answer::Ok, b"ticket"));
    assert_eq!(payload(&pair.end_of(key)), b"ticket");
}

#[test]
fn a_call_whose_time_was_over_and_that_had_not_started_is_resolved_as_never() {
    let (mut pair, hall) = Pair::ready();
    pair.queueing = true;
    let key = pair.start_within(hall, SELL, b"", 300 * MS);
    let error = failure(pair.end_of(key));
    let number = unknown(&error);
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    pair.settle();
    assert!(matches!(outcome(&mut pair, number), Outcome::NotExecuted));
    assert_eq!(pair.settled, [number]);
    assert_eq!(pair.begin(), []);
}

#[test]
fn a_call_whose_time_was_over_while_it_ran_is_resolved_with_its_reply() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 300 * MS);
    let error = failure(pair.end_of(key));
    let number = unknown(&error);
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    pair.settle();
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending));
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    let Outcome::Executed(Some(reply)) = outcome(&mut pair, number) else { panic!("it ran") };
    assert_eq!(reply.payload.as_slice(), b"ticket");
    assert_eq!((&pair.settled[..], pair.client.stats().resolved), (&[number][..], 1));
}

#[test]
fn a_call_whose_time_was_over_on_a_lost_connection_is_resolved_over_the_next_one() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().down.black_hole = true;
    let key = pair.start_within(hall, SELL, b"ticket", 300 * MS);
    pair.unreachable = true;
    pair.cut();
    let number = unknown(&failure(pair.end_of(key)));
    pair.unreachable = false;
    pair.run_for(2 * SECOND);
    let Outcome::Executed(Some(reply)) = outcome(&mut pair, number) else { panic!("it ran") };
    assert_eq!((reply.payload.as_slice(), pair.executed.len()), (&b"ticket"[..], 1));
}

#[test]
fn the_slot_of_a_dropped_call_is_used_again_when_its_fence_is_answered() {
    let config = client::Config { limits: Limits::default().slots(1), ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    let dropped = pair.start(hall, SELL, b"dropped");
    pair.give_up(dropped);
    let next = pair.start(hall, SELL, b"next");
    pair.run_for(SECOND);
    assert_eq!(pair.executed.len(), 1);
    pair.complete(id(0, 1), Completion::Ok(b"to nobody".to_vec()));
    pair.settle();
    assert_eq!(pair.executed[1].execute.at, id(0, 2));
    pair.complete(id(0, 2), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(next)), b"ticket");
    let cancel = of_kind(&pair.wire().up.sent, Kind::Cancel).remove(0);
    let (header, body) = rpc_core::frame::split(&cancel, Checksum::Whole).expect("sound").expect("whole");
    assert!(!Cancel::read(&header, body).expect("a cancel").want_reply);
}

#[test]
fn a_call_of_which_one_copy_was_refused_is_fenced_before_it_is_tried_again() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.black_hole = true;
    let key = pair.start(hall, SELL, b"seat 1");
    let first = requests(&pair).remove(0);
    refuse_first(&mut pair, 1);
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)), b"seat 1");
    let written = frames(&pair.wire().up.sent).into_iter().map(|(kind, _)| kind);
    let written: Vec<_> = written.filter(|kind| matches!(kind, Kind::Request | Kind::Cancel)).collect();
    assert_eq!(written, [Kind::Request, Kind::Cancel, Kind::Request]);
    // The first copy comes after all: it was fenced off.
    pair.inject_up(&first);
    let numbers: Vec<_> = pair.executed.iter().map(|executed| executed.execute.at).collect();
    assert_eq!(numbers, [id(0, 1), id(0, 2)], "the first of them did not start");
}

#[test]
fn a_call_whose_session_has_ended_meanwhile_is_unknown_and_settled() {
    let (mut pair, hall) = served_with(Limits::default().lease(SECOND));
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 60 * SECOND);
    pair.unreachable = true;
    pair.cut();
    pair.run_for(10 * SECOND);
    assert!(pair.sessions.is_empty(), "its lease is over");
    pair.unreachable = false;
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::ConnectionLost { .. }), "{error}");
    let number = unknown(&error);
    assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled: true }));
    pair.run_for(60 * SECOND);
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_call_whose_server_has_died_is_unknown_and_its_successor_never_runs_it() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    pair.restart(Default::default(), vec![&HALL]);
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::ConnectionLost { .. }), "{error}");
    let number = unknown(&error);
    assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled: false }));
    pair.echo();
    pair.call(hall, SELL, b"another").expect("new calls go to the successor");
    pair.run_for(60 * SECOND);
    assert_eq!(pair.executed.len(), 2);
}

#[test]
fn a_reply_that_was_lost_and_had_to_make_room_is_told_as_executed() {
    let (mut pair, hall) = served_with(Limits::default().replies_max(0));
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, SELL, b"ticket");
    pair.cut();
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::ReplyLost { .. }), "{error}");
    assert_eq!((error.execution(), pair.executed.len()), (Execution::Executed, 1));
}

#[test]
fn a_panic_is_told_once_more_when_its_reply_was_lost_and_not_run_again() {
    let (mut pair, hall) = Pair::ready();
    pair.handler = Box::new(|_| Some(Pair::panicked("no such seat")));
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, SELL, b"");
    pair.cut();
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::Internal { .. }), "{error}");
    assert_eq!((error.execution(), pair.executed.len()), (Execution::Executed, 1));
}

#[test]
fn whatever_is_under_way_in_a_session_that_was_misused_is_unknown_and_settled() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"seat 1");
    let requests = requests(&pair);
    let mut other = request(&requests[0]);
    other.payload = b"seat 2";
    let other = written(|out| other.write(out, Checksum::Whole));
    pair.inject_up(&other);
    let error = failure(pair.end_of(key));
    let number = unknown(&error);
    assert!(matches!(outcome(&mut pair, number), Outcome::Unknown { settled: true }));
    assert_eq!(pair.executed.len(), 1);
}
