//! Requests that were admitted and wait for their handler's turn: until that comes they can be kept from starting.

mod support;

use rpc_core::client::BindingId;
use rpc_core::frame::{Answer, Cancel, Checksum, Kind, Request};
use rpc_core::server::{self, Begin, Completion};
use rpc_core::{Execution, SlotId};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

/// A pair whose handlers wait for their turn.
fn queueing(slots: u32) -> (Pair, BindingId) {
    let mut server = server::Config::default();
    server.limits.slots = slots;
    let mut pair = Pair::with(Default::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.queueing = true;
    (pair, hall)
}

/// One of which a request waits; the request.
fn waiting(method: u16) -> (Pair, Vec<u8>) {
    let (mut pair, hall) = queueing(1024);
    pair.start(hall, method, b"seat 1");
    let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    (pair, request)
}

fn copy_of(request: &[u8], at: SlotId, payload: &[u8]) -> Vec<u8> {
    let request = Request { id: at, payload, ..self::request(request) };
    written(|out| request.write(out, Checksum::Whole))
}

fn cancel(pair: &mut Pair, at: SlotId) {
    pair.inject_up(&written(|out| Cancel { id: at, want_reply: false }.write(out)));
}

fn answers(pair: &mut Pair) -> Vec<(SlotId, Answer)> {
    let replies = of_kind(&pair.wire().down.sent, Kind::Reply);
    replies.iter().map(|frame| (reply(frame).id, reply(frame).answer)).collect()
}

#[test]
fn a_handler_runs_from_when_its_turn_has_come() {
    let (mut pair, _) = waiting(SELL);
    assert_eq!((pair.session().executing(), pair.server_stats().calls), (0, 0));
    pair.session().complete(rpc_core::Instant(0), id(0, 1), Completion::Ok(b"too early".to_vec()));
    assert_eq!(pair.begin(), [id(0, 1)]);
    assert_eq!((pair.session().executing(), pair.server_stats().calls), (1, 1));
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    assert_eq!(answers(&mut pair), [(id(0, 1), Answer::Ok)]);
}

#[test]
fn a_cancel_of_a_queued_request_fences_it_and_it_never_starts() {
    for method in [SELL, FREE] {
        let (mut pair, request) = waiting(method);
        cancel(&mut pair, id(0, 1));
        assert_eq!(answers(&mut pair), [(id(0, 1), Answer::Fenced)]);
        pair.inject_up(&request);
        assert_eq!(pair.begin(), []);
        assert_eq!((pair.session().executing(), pair.server_stats().calls), (0, 0));
    }
}

#[test]
fn a_cancel_of_a_higher_number_fences_the_queued_one_with_it() {
    for method in [SELL, FREE] {
        let (mut pair, _) = waiting(method);
        cancel(&mut pair, id(0, 5));
        assert_eq!(answers(&mut pair), [(id(0, 1), Answer::Fenced), (id(0, 5), Answer::Fenced)]);
        assert_eq!(pair.begin(), []);
    }
}

#[test]
fn a_higher_number_is_refused_while_an_at_most_once_call_is_queued_in_the_slot() {
    let (mut pair, request) = waiting(SELL);
    pair.inject_up(&copy_of(&request, id(0, 2), b"seat 2"));
    assert_eq!(answers(&mut pair), [(id(0, 2), Answer::Refused)]);
    assert_eq!(pair.begin(), [id(0, 1)]);
}

#[test]
fn a_higher_number_takes_the_place_of_a_queued_idempotent_call() {
    let (mut pair, request) = waiting(FREE);
    pair.inject_up(&copy_of(&request, id(0, 2), b"seat 2"));
    assert_eq!(answers(&mut pair), [(id(0, 1), Answer::Refused)]);
    assert_eq!(pair.begin(), [id(0, 2)]);
    assert_eq!(pair.stopped, [], "it never ran");
}

#[test]
fn a_copy_of_a_queued_call_waits_with_it_and_starts_nothing() {
    for method in [SELL, FREE] {
        let (mut pair, request) = waiting(method);
        pair.inject_up(&request);
        assert_eq!(pair.begin(), [id(0, 1)]);
        pair.complete(id(0, 1), Completion::Ok(Vec::new()));
        assert_eq!(answers(&mut pair), [(id(0, 1), Answer::Ok)]);
        assert_eq!(pair.server_stats().attached, 0, "no execution was joined");
    }
}

#[test]
fn another_payload_under_the_number_of_a_queued_call_ends_the_session_and_nothing_starts() {
    let (mut pair, request) = waiting(SELL);
    pair.inject_up(&copy_of(&request, id(0, 1), b"seat 2"));
    assert!(pair.wire().is_closed());
    assert_eq!(pair.begin(), []);
}

#[test]
fn a_queued_request_whose_time_is_over_when_its_turn_comes_is_refused_and_leaves_nothing_behind() {
    let (mut pair, request) = waiting(SELL);
    pair.now = pair.now + 11 * SECOND;
    assert_eq!(pair.begin(), []);
    assert_eq!(answers(&mut pair)[0], (id(0, 1), Answer::Refused));
    assert_eq!((pair.server_stats().calls, pair.server_stats().shed), (0, 1));
    let again = Request { deadline: 60_000, ..self::request(&request) };
    pair.inject_up(&written(|out| again.write(out, Checksum::Whole)));
    assert_eq!(pair.begin(), [id(0, 1)], "it never ran, so a copy is as good as new");
}

#[test]
fn queued_requests_go_with_their_session() {
    let (mut pair, hall) = queueing(1024);
    pair.start(hall, SELL, b"");
    pair.start(hall, FREE, b"");
    let now = pair.now;
    let session = pair.session();
    session.close(now, "the server stops");
    assert_eq!([id(0, 1), id(1, 1)].map(|at| session.begin(now, at)), [Begin::Never; 2]);
    assert_eq!((session.executing(), session.stats().calls), (0, 0));
}

#[test]
fn what_was_queued_when_its_connection_ended_starts() {
    for broken in [true, false] {
        let (mut pair, hall) = queueing(1024);
        pair.start(hall, SELL, b"");
        pair.start(hall, FREE, b"");
        let now = pair.now;
        let session = pair.session();
        match broken {
            true => drop(session.handle_bytes(now, server::Lane(0), &written(|out| hello().write(out)))),
            false => session.handle_disconnected(now, server::Lane(0)),
        }
        assert_eq!([id(0, 1), id(1, 1)].map(|at| session.begin(now, at)), [Begin::Now; 2]);
    }
}

#[test]
fn the_slot_of_a_queued_call_that_is_given_up_is_free_at_once() {
    let (mut pair, hall) = queueing(2);
    pair.start(hall, SELL, b"slow");
    pair.begin();
    let given_up = pair.start(hall, SELL, b"given up");
    pair.give_up(given_up);
    pair.queueing = false;
    let next = pair.start(hall, SELL, b"next");
    assert_eq!(payload(&pair.end_of(next)), b"next");
    assert_eq!(pair.session().executing(), 1, "the slow one");
    assert_eq!(pair.begin(), []);
}

#[test]
fn a_call_whose_time_was_over_when_its_turn_came_is_known_to_have_not_run() {
    let (mut pair, hall) = queueing(1024);
    pair.queueing = false;
    // The server counts from an earlier moment than the client, and sees the deadline before it.
    pair.latency = 100 * MS;
    pair.cut();
    pair.call(hall, SELL, b"").expect("a slow handshake");
    (pair.latency, pair.queueing) = (10 * MS, true);
    let call = pair.start_within(hall, SELL, b"", SECOND);
    pair.run_for(SECOND - 50 * MS);
    assert_eq!(pair.begin(), []);
    assert_eq!(failure(pair.end_of(call)).execution(), Execution::NotExecuted);
}

#[test]
fn a_session_is_busy_with_what_may_still_start_and_not_with_what_was_taken_back() {
    let (mut pair, _) = waiting(SELL);
    assert!(!pair.session().is_idle());
    cancel(&mut pair, id(0, 1));
    assert!(pair.session().is_idle());
    assert_eq!(pair.begin(), []);
}

#[test]
fn requests_that_are_taken_back_do_not_pile_up_behind_a_handler_that_takes_its_time() {
    let (mut pair, request) = waiting(FREE);
    for sequence in 2..5000 {
        pair.inject_up(&copy_of(&request, id(0, sequence), b""));
    }
    assert_eq!(pair.queued.len(), 2048);
    assert_eq!(pair.begin().len(), 1, "all others have lost their slot");
    pair.inject_up(&copy_of(&request, id(0, 5000), b""));
    assert_eq!(pair.begin(), [id(0, 5000)]);
}
