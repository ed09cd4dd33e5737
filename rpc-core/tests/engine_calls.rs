//! Calls on a connection that works: slots, deadlines, giving up.

mod support;

use rpc_core::client::{self, CallKey};
use rpc_core::frame::{Answer, Cancel, Checksum, Kind, Ping, Reply};
use rpc_core::server::{self, Completion};
use rpc_core::{Code, Error, Execution, Instant};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn with_slots(slots: u32) -> (Pair, client::BindingId) {
    let mut server = server::Config::default();
    server.limits.slots = slots;
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    (pair, hall)
}

fn executed(pair: &Pair) -> Vec<Vec<u8>> {
    pair.executed.iter().map(|executed| executed.execute.payload.clone()).collect()
}

#[test]
fn replies_find_their_calls_in_whatever_order_they_come() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let keys: Vec<CallKey> = (0..4).map(|n| pair.start(hall, SELL, &[n])).collect();
    for n in [2, 0, 3, 1] {
        let execute = &pair.executed[n].execute;
        let (at, payload) = (execute.at, vec![execute.payload[0] + 10]);
        pair.complete(at, Completion::Ok(payload));
    }
    for (n, key) in keys.into_iter().enumerate() {
        assert_eq!(payload(&pair.end_of(key)), [n as u8 + 10]);
    }
}

#[test]
fn two_thousand_calls_over_64_slots_all_end_with_their_own_answers() {
    let (mut pair, hall) = with_slots(64);
    pair.latency = MS;
    let keys: Vec<CallKey> = (0..2000u32)
        .map(|n| pair.start(hall, if n % 3 == 0 { FREE } else { SELL }, &n.to_le_bytes()))
        .collect();
    for (n, key) in keys.into_iter().enumerate() {
        assert_eq!(payload(&pair.end_of(key)), (n as u32).to_le_bytes());
    }
    assert_eq!(pair.executed.len(), 2000);
    let most = pair.executed.iter().map(|e| e.execute.at.slot).max();
    assert!(most < Some(64), "{most:?}");
    let (stats, server) = (pair.client.stats(), pair.server_stats());
    assert_eq!((stats.calls, server.calls), (2000, 2000));
    assert_eq!(
        (stats.retried, stats.unknown, server.replayed, server.attached, server.shed),
        (0, 0, 0, 0, 0)
    );
}

#[test]
fn calls_wait_for_slots_in_their_order() {
    let (mut pair, hall) = with_slots(2);
    pair.hold();
    let keys: Vec<CallKey> = (0..6).map(|n| pair.start(hall, SELL, &[n])).collect();
    for n in 0..6 {
        let at = pair.executed[n].execute.at;
        pair.complete(at, Completion::Ok(Vec::new()));
    }
    assert_eq!(executed(&pair), (0..6).map(|n| vec![n]).collect::<Vec<_>>());
    assert!(keys.into_iter().all(|key| pair.has_ended(key)));
}

#[test]
fn a_waiting_call_that_is_given_up_lets_the_next_one_pass() {
    let (mut pair, hall) = with_slots(1);
    pair.hold();
    pair.start(hall, SELL, b"first");
    let (second, third) = (pair.start(hall, SELL, b"second"), pair.start(hall, SELL, b"third"));
    pair.give_up(second);
    let at = pair.executed[0].execute.at;
    pair.complete(at, Completion::Ok(Vec::new()));
    assert_eq!(executed(&pair), [&b"first"[..], b"third"]);
    assert!(!pair.has_ended(third));
}

#[test]
fn too_many_waiting_calls_fail_at_once() {
    let mut config = client::Config::default();
    config.limits.waiting_max = 2;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.client.bind(pair.now, &HALL);
    pair.unreachable = true;
    let keys: Vec<CallKey> = (0..3).map(|_| pair.start(hall, SELL, b"")).collect();
    assert!(!pair.has_ended(keys[1]));
    let error = failure(pair.end_of(keys[2]));
    assert_eq!((error.code(), error.execution()), (Code::ResourceExhausted, Execution::NotExecuted));
    assert!(error.is_retryable());
}

#[test]
fn a_waiting_call_past_its_deadline_was_not_executed() {
    let (mut pair, hall) = with_slots(1);
    pair.hold();
    pair.start(hall, SELL, b"first");
    let start = pair.now;
    let key = pair.start_within(hall, SELL, b"second", 300 * MS);
    let error = failure(pair.end_of(key));
    assert_eq!(pair.now, start + 300 * MS);
    assert_eq!(error.execution(), Execution::NotExecuted);
    assert_eq!(error.to_string(), "Hall.sell: no answer within 300ms (not executed)");
    assert!(error.is_retryable());
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_call_whose_deadline_is_over_before_it_starts_was_not_executed() {
    let (mut pair, hall) = Pair::ready();
    let key = pair.start_within(hall, SELL, b"", std::time::Duration::ZERO);
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::DeadlineExceeded { execution: Execution::NotExecuted, .. }), "{error}");
    assert!(pair.executed.is_empty());
}

#[test]
fn waiting_calls_that_end_together_with_a_running_one_are_not_sent_in_its_place() {
    let (mut pair, hall) = with_slots(1);
    pair.hold();
    let keys: Vec<CallKey> = (0..3).map(|_| pair.start_within(hall, FREE, b"", 300 * MS)).collect();
    let running = failure(pair.end_of(keys[0]));
    assert_eq!(running.execution(), Execution::Unknown);
    for key in &keys[1..] {
        assert_eq!(failure(pair.end_of(*key)).execution(), Execution::NotExecuted);
    }
    pair.run_for(SECOND);
    assert_eq!(pair.executed.len(), 1);
    assert_eq!(of_kind(&pair.wire().up.sent, Kind::Request).len(), 1);
}

#[test]
fn a_written_call_past_its_deadline_is_unknown_and_its_slot_is_quarantined_until_the_fence_is_answered() {
    let (mut pair, hall) = with_slots(1);
    pair.latency = 50 * MS;
    pair.hold();
    let start = pair.now;
    let first = pair.start_within(hall, SELL, b"first", 300 * MS);
    let second = pair.start(hall, SELL, b"second");
    let error = failure(pair.end_of(first));
    assert_eq!((error.execution(), pair.now), (Execution::Unknown, start + 300 * MS));
    assert_eq!(error.request_id(), Some(pair.executed[0].execute.request_id));
    assert_eq!(pair.client.stats().unknown, 1);
    pair.run_for(SECOND);
    assert_eq!(executed(&pair), [b"first"], "the slot is not used again yet");
    assert!(pair.stopped.contains(&(id(0, 1), false)), "the handler is told: {:?}", pair.stopped);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    pair.settle();
    assert_eq!(executed(&pair), [&b"first"[..], b"second"]);
    assert_eq!(pair.executed[1].execute.at, id(0, 2));
    pair.complete(id(0, 2), Completion::Ok(b"ticket".to_vec()));
    assert_eq!(payload(&pair.end_of(second)), b"ticket");
}

#[test]
fn a_request_that_arrives_after_its_fence_never_runs() {
    let (mut pair, hall) = with_slots(1);
    // The server does not get the request before the cancel: both are held up, the request is held up longer.
    pair.wire().up.black_hole = true;
    let key = pair.start_within(hall, SELL, b"late", 300 * MS);
    let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    pair.wire().up.black_hole = false;
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
    pair.settle();
    pair.inject_up(&request);
    assert!(pair.executed.is_empty());
    let replies = of_kind(&pair.wire().down.sent, Kind::Reply);
    let answers: Vec<Answer> = replies.iter().map(|frame| reply(frame).answer).collect();
    assert_eq!(answers, [Answer::Fenced, Answer::Fenced], "to the cancel, and to the late copy");
    pair.call(hall, SELL, b"next").expect("the slot is free again");
}

#[test]
fn giving_up_a_call_that_waits_sends_nothing() {
    let (mut pair, hall) = with_slots(1);
    pair.hold();
    pair.start(hall, SELL, b"first");
    let key = pair.start(hall, SELL, b"second");
    let sent = pair.wire().up.sent.len();
    pair.give_up(key);
    pair.run_for(SECOND / 2);
    assert_eq!(pair.wire().up.sent.len(), sent);
    assert!(!pair.has_ended(key), "nobody asks for its end any more");
}

#[test]
fn giving_up_a_running_at_most_once_call_lets_it_run_to_its_end() {
    let (mut pair, hall) = with_slots(1);
    pair.hold();
    let key = pair.start(hall, SELL, b"first");
    pair.give_up(key);
    assert_eq!(pair.stopped, [(id(0, 1), false)]);
    pair.give_up(key);
    let next = pair.start(hall, SELL, b"second");
    assert_eq!(pair.executed.len(), 1, "its slot is in quarantine");
    pair.complete(id(0, 1), Completion::Ok(b"sold".to_vec()));
    assert_eq!(executed(&pair), [&b"first"[..], b"second"]);
    let outcome = reply(&of_kind(&pair.wire().down.sent, Kind::Reply)[0]).payload.to_vec();
    assert_eq!(outcome, b"sold", "the outcome goes to the client that has cancelled");
    pair.complete(id(0, 2), Completion::Ok(Vec::new()));
    assert!(pair.end_of(next).is_ok());
    assert!(!pair.has_ended(key));
}

#[test]
fn giving_up_an_idempotent_call_drops_its_handler_and_frees_its_slot_at_once() {
    let (mut pair, hall) = with_slots(1);
    pair.latency = 20 * MS;
    pair.hold();
    let key = pair.start(hall, FREE, b"first");
    pair.run_for(100 * MS);
    pair.give_up(key);
    let next = pair.start(hall, FREE, b"second");
    assert_eq!(kinds(&pair.wire().up.sent)[2..], [Kind::Request, Kind::Cancel, Kind::Request]);
    pair.settle();
    assert_eq!(pair.stopped, [(id(0, 1), true)]);
    assert_eq!(executed(&pair), [&b"first"[..], b"second"]);
    // A handler that could not be dropped ends late: it is not the answer to the next call.
    pair.complete(id(0, 1), Completion::Ok(b"late".to_vec()));
    pair.settle();
    assert!(!pair.has_ended(next));
    pair.complete(id(0, 2), Completion::Ok(b"free".to_vec()));
    assert_eq!(payload(&pair.end_of(next)), b"free");
    assert_eq!(pair.session().executing(), 0);
}

#[test]
fn an_idempotent_handler_is_dropped_at_its_deadline_and_the_client_says_deadline_exceeded() {
    let (mut pair, hall) = Pair::ready();
    // The server counts from an earlier moment than the client, and sees the deadline before it.
    pair.latency = 100 * MS;
    pair.cut();
    pair.call(hall, SELL, b"").expect("a slow handshake");
    pair.latency = 10 * MS;
    pair.hold();
    let key = pair.start_within(hall, FREE, b"", SECOND);
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::DeadlineExceeded { execution: Execution::Unknown, .. }), "{error:?}");
    pair.settle();
    assert_eq!(pair.stopped.last(), Some(&(pair.executed[1].execute.at, true)));
    assert_eq!(pair.session().executing(), 0);
}

#[test]
fn an_at_most_once_handler_is_told_of_its_deadline_once_and_runs_to_its_end() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", SECOND);
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::DeadlineExceeded { execution: Execution::Unknown, .. }), "{error:?}");
    pair.run_for(5 * SECOND);
    assert_eq!(pair.stopped, [(id(0, 1), false)]);
    assert_eq!(pair.session().executing(), 1);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    assert_eq!(pair.session().executing(), 0);
}

#[test]
fn a_server_that_is_busy_with_a_cancelled_call_is_asked_again_later() {
    let (mut pair, hall) = Pair::ready();
    pair.raw = true;
    pair.cut();
    let first = pair.start_within(hall, SELL, b"", 500 * MS);
    pair.run_for(100 * MS); // a connection that ended so soon is not dialled again at once
    let methods = vec![rpc_core::frame::BoundMethod::Usable; 3];
    let result = rpc_core::frame::BoundResult::Accepted { version: (1, 1), methods, types: Vec::new() };
    pair.inject_down(&written(|out| {
        welcome(1).write(out);
        rpc_core::frame::Bound { number: 0, result }.write(out);
    }));
    assert_eq!(failure(pair.end_of(first)).execution(), Execution::Unknown);
    let next = pair.start(hall, SELL, b"next");
    let busy = |id| Reply { id, answer: Answer::Busy, retry_after: 200, ..Reply::default() };
    pair.inject_down(&written(|out| busy(id(0, 1)).write(out, Checksum::Whole)));
    let cancels = |pair: &mut Pair| of_kind(&pair.wire().up.sent, Kind::Cancel).len();
    assert_eq!(cancels(&mut pair), 1);
    pair.run_for(199 * MS);
    assert_eq!(cancels(&mut pair), 1);
    pair.run_for(MS);
    assert_eq!(cancels(&mut pair), 2);
    pair.inject_down(&answer(id(0, 1), Answer::Fenced, b""));
    let requests = of_kind(&pair.wire().up.sent, Kind::Request);
    assert_eq!(request(&requests[1]).id, id(0, 2), "the slot is used again");
    pair.inject_down(&answer(id(0, 2), Answer::Ok, b"yes"));
    assert_eq!(payload(&pair.end_of(next)), b"yes");
}

#[test]
fn late_replies_to_old_numbers_are_ignored() {
    let (mut pair, hall) = with_slots(1);
    pair.call(hall, SELL, b"first").expect("it works");
    pair.hold();
    let key = pair.start(hall, SELL, b"second");
    pair.inject_down(&answer(id(0, 1), Answer::Ok, b"the first one's"));
    pair.inject_down(&answer(id(0, 3), Answer::Ok, b"nobody's"));
    pair.inject_down(&answer(id(7, 1), Answer::Ok, b"nobody's"));
    assert!(!pair.has_ended(key));
    pair.complete(id(0, 2), Completion::Ok(b"its own".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"its own");
}

#[test]
fn a_request_that_was_delayed_beyond_its_deadline_is_refused_by_the_server() {
    let (mut pair, hall) = Pair::ready();
    pair.latency = 400 * MS;
    let key = pair.start_within(hall, SELL, b"", 300 * MS);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
    pair.settle();
    assert!(pair.executed.is_empty());
    assert_eq!(pair.server_stats().shed, 1);
    pair.latency = MS;
    pair.call(hall, SELL, b"").expect("the slot works");
}

#[test]
fn deadlines_count_right_after_the_servers_pings_have_set_their_origin_anew() {
    let mut config = client::Config::default();
    config.limits.keep_alive = 3600 * SECOND;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.latency = 10 * MS;
    let hall = pair.bind(&HALL);
    for _ in 0..3 {
        pair.run_for(65 * SECOND);
        pair.hold();
        let start = pair.now;
        pair.start_within(hall, SELL, b"", SECOND);
        pair.settle();
        let deadline = pair.executed.last().expect("it arrived").execute.deadline;
        assert!((start + 980 * MS..=start + SECOND).contains(&deadline), "{:?}", deadline.since(start));
        let at = pair.executed.last().expect("it arrived").execute.at;
        pair.complete(at, Completion::Ok(Vec::new()));
        pair.latency = 400 * MS;
        let count = pair.executed.len();
        let late = pair.start_within(hall, SELL, b"", 300 * MS);
        assert_eq!(failure(pair.end_of(late)).execution(), Execution::Unknown);
        pair.settle();
        assert_eq!(pair.executed.len(), count, "refused: it came too late");
        pair.latency = 10 * MS;
        pair.settle();
    }
    assert!(of_kind(&pair.wire().down.sent, Kind::Ping).len() >= 3);
}

#[test]
fn pings_that_overtake_their_answers_leave_deadlines_right() {
    let mut server = server::Config::default();
    server.limits.keep_alive = 50 * MS;
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    pair.latency = 100 * MS;
    let hall = pair.bind(&HALL);
    // Calls make the server listen again while its ping is still on the way.
    for _ in 0..40 {
        pair.start_within(hall, SELL, b"", 350 * MS);
        pair.run_for(70 * MS);
    }
    pair.run_for(SECOND);
    let refused = pair.ended.iter().filter(|(.., result)| result.is_err()).count();
    assert_eq!(refused, 0, "{:?}", pair.ended.iter().find(|(.., result)| result.is_err()));
}

#[test]
fn arguments_that_cannot_be_read_leave_the_slot_usable() {
    let (mut pair, hall) = with_slots(1);
    pair.handler = Box::new(|_| {
        Some(Completion::NotStarted {
            code: rpc_core::Code::InvalidArgument,
            reason: "argument 1 (seat): out of range".into(),
        })
    });
    let error = failure(pair.call(hall, SELL, b"?"));
    assert_eq!((error.code(), error.execution()), (Code::InvalidArgument, Execution::NotExecuted));
    assert!(error.to_string().contains("argument 1 (seat): out of range"), "{error}");
    pair.echo();
    assert_eq!(payload(&pair.call(hall, SELL, b"3")), b"3");
}

#[test]
fn a_refusal_by_the_application_is_a_result() {
    let (mut pair, hall) = Pair::ready();
    pair.handler = Box::new(|_| Some(Completion::Application(b"sold out".to_vec())));
    let reply = pair.call(hall, SELL, b"").expect("a result");
    assert_eq!(reply.verdict, rpc_core::service::Verdict::Application);
    assert_eq!(reply.payload.as_slice(), b"sold out");
}

#[test]
fn metadata_reaches_the_handler() {
    let (mut pair, hall) = Pair::ready();
    let mut metadata = rpc_core::Metadata::default();
    metadata.insert("tenant", "north");
    let deadline = pair.now + SECOND;
    let call = client::NewCall {
        binding: hall,
        method: SELL,
        deadline,
        timeout: SECOND,
        metadata: Some(Box::new(metadata)),
        payload: vec![1],
        fail_fast: false,
    };
    pair.client.start(pair.now, call);
    pair.settle();
    let there = pair.executed[0].execute.metadata.as_deref().expect("it came");
    assert_eq!(there.get("tenant"), Some("north"));
}

#[test]
fn a_ping_of_the_server_is_answered_with_its_number() {
    let (mut pair, _) = Pair::ready();
    pair.inject_down(&written(|out| Ping { number: 77 }.write(out)));
    let pongs = of_kind(&pair.wire().up.sent, Kind::Pong);
    let expected = written(|out| rpc_core::frame::Pong { number: 77 }.write(out));
    assert_eq!(pongs, [expected]);
}

#[test]
fn closing_the_channel_ends_all_calls() {
    let (mut pair, hall) = with_slots(1);
    pair.hold();
    let (running, waiting) = (pair.start(hall, SELL, b""), pair.start(hall, SELL, b""));
    pair.client.close(pair.now);
    pair.pump();
    assert_eq!(failure(pair.end_of(running)).execution(), Execution::Unknown);
    assert_eq!(failure(pair.end_of(waiting)).execution(), Execution::NotExecuted);
    let late = pair.start(hall, SELL, b"");
    let error = failure(pair.end_of(late));
    assert_eq!((error.execution(), error.code()), (Execution::NotExecuted, Code::Cancelled));
    pair.run_for(20 * SECOND);
    assert_eq!(pair.next_event(), Instant::NEVER, "nothing is left to do");
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_cancel_of_a_slot_that_was_not_granted_ends_the_connection() {
    let (mut pair, _) = with_slots(4);
    pair.inject_up(&written(|out| Cancel { id: id(4, 1), want_reply: false }.write(out)));
    assert!(pair.faults[0].to_string().contains("slot 4 is cancelled, 4 were granted"), "{:?}", pair.faults);
    assert!(pair.wire().is_closed());
}

#[test]
fn a_failure_whose_words_cannot_be_read_ends_the_connection_and_the_call_with_it() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start_within(hall, SELL, b"first", SECOND);
    pair.inject_down(&answer(id(0, 1), Answer::Failed, b"\xff\xff\xff\xff"));
    assert!(!pair.wire().is_open_at_the_client());
    assert!(pair.has_ended(key), "it does not linger until its deadline");
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Executed, "that much was said");
    // Nor does it disturb the slot's next call, once the handler has really ended.
    let session = pair.executed[0].execute.request_id.session;
    pair.complete_in(session, id(0, 1), Completion::Ok(b"no".to_vec()));
    let next = pair.start(hall, SELL, b"second");
    pair.run_for(2 * SECOND);
    assert_eq!(pair.executed[1].execute.at, id(0, 2));
    pair.complete(id(0, 2), Completion::Ok(b"yes".to_vec()));
    assert_eq!(payload(&pair.end_of(next)), b"yes");
}
