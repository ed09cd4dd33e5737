//! Copies of requests: the same number is executed at most once, whatever arrives.

mod support;

use rpc_core::Execution;
use rpc_core::client::BindingId;
use rpc_core::frame::{Answer, Cancel, Checksum, Kind, Release, Request};
use rpc_core::server::{self, Completion};
use support::services::*;
use support::wire::*;
use support::{Pair, failure};

/// A pair of which a request was captured.
fn captured(method: u16) -> (Pair, BindingId, Vec<u8>) {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    pair.start(hall, method, b"seat 1");
    let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    (pair, hall, request)
}

fn replies(pair: &mut Pair) -> Vec<Vec<u8>> {
    of_kind(&pair.wire().down.sent, Kind::Reply)
}

fn copy_of(request: &[u8], change: impl FnOnce(&mut Request<'_>)) -> Vec<u8> {
    let mut request = self::request(request);
    change(&mut request);
    written(|out| request.write(out, Checksum::Whole))
}

fn cancel(pair: &mut Pair, slot: u32, sequence: u64, want_reply: bool) {
    pair.inject_up(&written(|out| Cancel { id: id(slot, sequence), want_reply }.write(out)));
}

#[test]
fn a_copy_of_a_call_that_is_done_gets_the_same_bytes_marked_as_replayed() {
    let (mut pair, _, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(b"ticket 1".to_vec()));
    pair.inject_up(&request);
    pair.inject_up(&request);
    assert_eq!(pair.executed.len(), 1);
    let replies = replies(&mut pair);
    let read: Vec<_> = replies.iter().map(|frame| reply(frame)).collect();
    assert!(read.iter().all(|reply| reply.payload == b"ticket 1" && reply.answer == Answer::Ok));
    assert_eq!(read.iter().map(|reply| reply.replayed).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(pair.server_stats().replayed, 2);
}

#[test]
fn a_copy_of_a_running_call_waits_with_it_and_is_marked_as_attached() {
    let (mut pair, _, request) = captured(SELL);
    pair.inject_up(&request);
    assert_eq!(pair.executed.len(), 1);
    pair.complete(id(0, 1), Completion::Ok(b"ticket 1".to_vec()));
    let replies = replies(&mut pair);
    assert_eq!(replies.len(), 1, "one answer for each connection");
    assert!(reply(&replies[0]).attached);
    assert_eq!(pair.server_stats().attached, 1);
}

#[test]
fn copies_of_older_numbers_are_met_with_silence() {
    let (mut pair, hall, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    pair.echo();
    pair.call(hall, SELL, b"seat 2").expect("it works");
    let before = replies(&mut pair).len();
    pair.inject_up(&request);
    assert_eq!((pair.executed.len(), replies(&mut pair).len()), (2, before));
}

#[test]
fn a_gap_in_the_numbers_is_legal() {
    let (mut pair, _, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    pair.inject_up(&copy_of(&request, |request| request.id = id(0, 900)));
    assert_eq!(pair.executed[1].execute.at, id(0, 900));
    pair.complete(id(0, 900), Completion::Ok(Vec::new()));
    pair.inject_up(&copy_of(&request, |request| request.id = id(0, 899)));
    assert_eq!(pair.executed.len(), 2);
}

#[test]
fn a_copy_of_a_fenced_number_is_answered_as_fenced_whatever_it_holds() {
    let (mut pair, _, request) = captured(SELL);
    cancel(&mut pair, 3, 5, false);
    pair.inject_up(&copy_of(&request, |request| request.id = id(3, 5)));
    pair.inject_up(&copy_of(&request, |request| (request.id, request.payload) = (id(3, 5), b"other")));
    assert_eq!(pair.executed.len(), 1);
    let answers: Vec<_> = replies(&mut pair).iter().map(|frame| reply(frame).answer).collect();
    assert_eq!(answers, [Answer::Fenced; 3]);
}

#[test]
fn another_payload_under_a_recorded_number_ends_the_session() {
    for done in [false, true] {
        let (mut pair, _, request) = captured(SELL);
        if done {
            pair.complete(id(0, 1), Completion::Ok(Vec::new()));
        }
        pair.inject_up(&copy_of(&request, |request| request.payload = b"seat 2"));
        assert_eq!(pair.executed.len(), 1);
        assert!(pair.wire().is_closed());
        let close = of_kind(&pair.wire().down.sent, Kind::Close);
        assert!(String::from_utf8_lossy(&close[0]).contains("request 0-1 came again with another payload"));
    }
}

#[test]
fn another_method_under_a_recorded_number_ends_the_session() {
    let (mut pair, _, request) = captured(SELL);
    pair.inject_up(&copy_of(&request, |request| request.method = REFUND));
    assert!(pair.wire().is_closed());
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn another_deadline_or_a_mark_as_resent_makes_no_other_call() {
    let (mut pair, _, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    pair.inject_up(&copy_of(&request, |request| (request.deadline, request.resent) = (0, true)));
    assert!(reply(&replies(&mut pair)[1]).replayed, "even if no time is left");
}

/// Feeds a session by hand, since a driver would have closed the connection by then.
#[test]
fn a_session_that_was_misused_executes_nothing_more() {
    let (mut pair, _, request) = captured(SELL);
    let other = copy_of(&request, |request| request.payload = b"seat 2");
    let next = copy_of(&request, |request| request.id = id(1, 1));
    let now = pair.now;
    let session = pair.session();
    let lane = server::Lane(0);
    // One that is admitted in the same breath, and was not handed to a handler yet.
    session.handle_bytes(now, lane, &[copy_of(&request, |r| r.id = id(2, 1)), other].concat());
    session.handle_bytes(now, lane, &next);
    session.handle_bytes(now, lane, &request);
    let mut outputs = Vec::new();
    loop {
        match session.poll_output() {
            server::Output::Wait(_) => break,
            output => outputs.push(output),
        }
    }
    let executes = outputs.iter().filter(|output| matches!(output, server::Output::Execute(_))).count();
    assert_eq!(executes, 0, "{outputs:?}");
    assert!(outputs.iter().any(|output| matches!(output, server::Output::Close(_, Some(_)))));
    assert!(
        outputs.iter().any(|output| matches!(output, server::Output::Stop { drop: false, .. })),
        "{outputs:?}"
    );
    session.complete(now, id(0, 1), Completion::Ok(b"sold".to_vec()));
    assert!(session.is_over() && session.executing() == 0);
    let mut last = Vec::new();
    while session.poll_transmit(now, lane, &mut last) {}
    assert_eq!(kinds(&last), [Kind::Close], "nothing follows the last frame");
}

#[test]
fn a_connection_that_broke_the_protocol_executes_nothing_more() {
    let (mut pair, _, request) = captured(SELL);
    let now = pair.now;
    let session = pair.session();
    let lane = server::Lane(0);
    session.handle_bytes(now, lane, &written(|out| hello().write(out)));
    session.handle_bytes(now, lane, &copy_of(&request, |request| request.id = id(1, 1)));
    assert!(matches!(session.poll_output(), server::Output::Close(_, Some(_))));
    assert!(matches!(session.poll_output(), server::Output::Wait(_)));
    session.complete(now, id(0, 1), Completion::Ok(vec![0; 1 << 20]));
    let mut last = Vec::new();
    while session.poll_transmit(now, lane, &mut last) {}
    assert_eq!(kinds(&last), [Kind::Close], "nothing follows the last frame");
}

#[test]
fn a_panic_is_recorded_and_replayed() {
    let (mut pair, hall) = Pair::ready();
    pair.handler = Box::new(|_| Some(Pair::panicked("index out of bounds")));
    let error = failure(pair.call(hall, SELL, b"seat 1"));
    assert_eq!(error.execution(), Execution::Executed);
    assert!(error.to_string().contains("index out of bounds"), "{error}");
    let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    pair.inject_up(&request);
    assert_eq!(pair.executed.len(), 1);
    let replies = replies(&mut pair);
    assert_eq!(reply(&replies[1]).answer, Answer::Failed);
    assert_eq!(reply(&replies[1]).payload, reply(&replies[0]).payload);
}

#[test]
fn arguments_that_cannot_be_read_are_not_recorded() {
    let (mut pair, _, request) = captured(SELL);
    pair.inject_up(&request);
    pair.complete(
        id(0, 1),
        Completion::NotStarted { code: rpc_core::Code::InvalidArgument, reason: "no seat".into() },
    );
    assert_eq!(reply(&replies(&mut pair)[0]).answer, Answer::Refused);
    pair.inject_up(&request);
    assert_eq!(pair.executed.len(), 2, "it never ran, so a copy is as good as new");
}

#[test]
fn a_copy_of_an_idempotent_call_joins_it_while_it_runs_and_runs_anew_afterwards() {
    let (mut pair, _, request) = captured(FREE);
    pair.inject_up(&request);
    assert_eq!((pair.executed.len(), pair.server_stats().attached), (1, 1));
    pair.complete(id(0, 1), Completion::Ok(b"7".to_vec()));
    pair.inject_up(&request);
    assert_eq!(pair.executed.len(), 2);
}

#[test]
fn a_higher_number_is_refused_while_an_at_most_once_call_runs_in_the_slot() {
    let (mut pair, _, request) = captured(SELL);
    pair.inject_up(&copy_of(&request, |request| request.id = id(0, 2)));
    assert_eq!(pair.executed.len(), 1);
    let refusal = replies(&mut pair).remove(0);
    assert_eq!((reply(&refusal).answer, reply(&refusal).id), (Answer::Refused, id(0, 2)));
    assert!(reply(&refusal).retry_after > 0);
    cancel(&mut pair, 0, 2, false);
    assert_eq!(reply(&replies(&mut pair)[1]).answer, Answer::Busy);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    cancel(&mut pair, 0, 2, false);
    assert_eq!(reply(&replies(&mut pair)[3]).answer, Answer::Fenced);
    pair.inject_up(&copy_of(&request, |request| request.id = id(0, 2)));
    assert_eq!(pair.executed.len(), 1, "nothing was stored for the refused copy, but the fence is");
}

#[test]
fn a_higher_number_takes_the_place_of_an_idempotent_call() {
    let (mut pair, _, request) = captured(FREE);
    pair.inject_up(&copy_of(&request, |request| {
        (request.id, request.method, request.idempotent) = (id(0, 2), SELL, false)
    }));
    assert_eq!(pair.stopped, [(id(0, 1), true)]);
    assert_eq!((pair.executed.len(), pair.session().executing()), (2, 1));
}

#[test]
fn a_cancel_of_an_older_number_is_stale() {
    let (mut pair, hall, _) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    pair.echo();
    pair.call(hall, SELL, b"").expect("it works");
    cancel(&mut pair, 0, 1, true);
    assert_eq!(reply(&replies(&mut pair)[2]).answer, Answer::Stale);
}

#[test]
fn a_cancel_of_a_call_that_is_done_tells_its_outcome_and_the_reply_if_it_is_wanted() {
    let (mut pair, _, _) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    cancel(&mut pair, 0, 1, false);
    cancel(&mut pair, 0, 1, true);
    let replies = replies(&mut pair);
    assert_eq!((reply(&replies[1]).answer, reply(&replies[1]).payload), (Answer::Executed, &b""[..]));
    assert_eq!((reply(&replies[2]).answer, reply(&replies[2]).payload), (Answer::Ok, &b"ticket"[..]));
}

#[test]
fn a_cancel_of_a_finished_idempotent_call_fences_its_number() {
    let (mut pair, _, request) = captured(FREE);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    cancel(&mut pair, 0, 1, false);
    pair.inject_up(&request);
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn released_bytes_are_gone_but_the_execution_stays_known() {
    let (mut pair, _, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    let release = |ids| written(|out| Release { ids }.write(out));
    pair.inject_up(&release(vec![id(0, 0), id(0, 2), id(900, 1)]));
    pair.inject_up(&request);
    assert_eq!(reply(&replies(&mut pair)[1]).answer, Answer::Ok, "only the slot's own number counts");
    pair.inject_up(&release(vec![id(0, 1)]));
    pair.inject_up(&request);
    let replies = replies(&mut pair);
    assert_eq!((reply(&replies[2]).answer, reply(&replies[2]).payload), (Answer::Executed, &b""[..]));
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_release_of_a_running_call_changes_nothing() {
    let (mut pair, _, request) = captured(SELL);
    pair.inject_up(&written(|out| Release { ids: vec![id(0, 1)] }.write(out)));
    pair.complete(id(0, 1), Completion::Ok(b"ticket".to_vec()));
    pair.inject_up(&request);
    assert_eq!(reply(&replies(&mut pair)[1]).payload, b"ticket");
}

#[test]
fn a_handler_that_ends_twice_is_heard_once() {
    let (mut pair, _, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(b"first".to_vec()));
    pair.complete(id(0, 1), Completion::Ok(b"second".to_vec()));
    pair.complete(id(0, 7), Completion::Ok(b"never started".to_vec()));
    pair.complete(id(77, 1), Completion::Ok(b"never started".to_vec()));
    pair.inject_up(&request);
    let replies = replies(&mut pair);
    assert_eq!(replies.len(), 2);
    assert!(replies.iter().all(|frame| reply(frame).payload == b"first"));
    assert_eq!(pair.session().executing(), 0);
}

#[test]
fn a_slot_beyond_the_grant_ends_the_connection() {
    let (mut pair, _, request) = captured(SELL);
    pair.inject_up(&copy_of(&request, |request| request.id = id(1024, 1)));
    assert!(pair.faults[0].to_string().contains("slot 1024 is used, 1024 were granted"), "{:?}", pair.faults);
    assert!(pair.wire().is_closed());
}

#[test]
fn a_method_that_is_not_in_the_table_is_refused_alone() {
    let (mut pair, hall, request) = captured(SELL);
    for method in [3, 1000, u16::MAX] {
        pair.inject_up(&copy_of(&request, |request| (request.id, request.method) = (id(5, 1), method)));
    }
    pair.inject_up(&copy_of(&request, |request| (request.id, request.idempotent) = (id(6, 1), true)));
    assert!(replies(&mut pair).iter().all(|frame| reply(frame).answer == Answer::Refused));
    assert_eq!((pair.executed.len(), pair.server_stats().shed), (1, 4));
    pair.echo();
    pair.call(hall, SELL, b"").expect("the connection lives");
}

#[test]
fn copies_of_a_small_request_do_not_make_the_server_hold_more_than_its_limits() {
    let (mut pair, _, request) = captured(SELL);
    pair.complete(id(0, 1), Completion::Ok(vec![1; 60 << 10]));
    pair.wire().down.blocked = true;
    let mut copies = Vec::new();
    for _ in 0..4000 {
        copies.extend_from_slice(&request);
    }
    pair.inject_up(&copies);
    let before = pair.wire().down.sent.len();
    pair.wire().down.blocked = false;
    pair.pump();
    let held = pair.wire().down.sent.len() - before;
    assert!(held <= 2 << 20, "{held} bytes wait to be written");
    assert!(held >= 60 << 10, "at least one copy is answered");
}

#[test]
fn a_client_that_does_not_read_is_closed_when_too_many_replies_wait_for_it() {
    let mut server = server::Config::default();
    (server.limits.backlog_max, server.limits.message_max) = (2 << 20, 1 << 20);
    let mut pair = Pair::with(Default::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    for _ in 0..8 {
        pair.start(hall, SELL, b"");
    }
    pair.wire().down.blocked = true;
    for slot in 0..3 {
        pair.complete(id(slot, 1), Completion::Ok(vec![0; (1 << 20) - 100]));
    }
    assert!(!pair.wire().is_closed(), "two, and the one that comes on top");
    pair.complete(id(3, 1), Completion::Ok(vec![0; 1 << 20]));
    assert!(pair.wire().is_closed());
    let said = pair.faults[0].to_string();
    assert!(said.contains("4194004 bytes of replies wait for it to read them, and 3145728 may"), "{said}");
}
