//! Requests that are given up before the stream has taken them: they never go out, and the caller is told so.

mod support;

use rpc_core::Execution;
use rpc_core::client;
use rpc_core::frame::Kind;
use rpc_core::server::Completion;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, failure, payload};

#[test]
fn a_request_that_was_not_handed_out_by_its_deadline_is_never_sent_and_was_not_executed() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let first = pair.start_within(hall, SELL, b"first", 300 * MS);
    let second = pair.start(hall, SELL, b"second");
    let third = pair.start(hall, SELL, b"third");
    let error = failure(pair.end_of(first));
    assert_eq!(error.execution(), Execution::NotExecuted, "{error}");
    pair.wire().up.blocked = false;
    assert_eq!(payload(&pair.end_of(second)), b"second");
    assert_eq!(payload(&pair.end_of(third)), b"third");
    let executed: Vec<_> = pair.executed.iter().map(|e| e.execute.payload.clone()).collect();
    assert_eq!(executed, [&b"second"[..], b"third"]);
    assert!(of_kind(&pair.wire().up.sent, Kind::Cancel).is_empty(), "there is nothing to fence");
    assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
}

#[test]
fn a_request_that_was_not_handed_out_when_its_caller_gave_up_is_never_sent() {
    for method in [SELL, FREE] {
        let (mut pair, hall) = Pair::ready();
        pair.wire().up.blocked = true;
        let (first, second) = (pair.start(hall, method, b"first"), pair.start(hall, method, b"second"));
        pair.give_up(first);
        pair.wire().up.blocked = false;
        assert_eq!(payload(&pair.end_of(second)), b"second");
        assert_eq!(kinds(&pair.wire().up.sent)[2..], [Kind::Request]);
    }
}

#[test]
fn what_was_taken_back_does_not_make_a_request_behind_it_look_unsent() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    // The first is the longer one: counted without it, the stream would end before the second begins.
    let (first, second) = (pair.start(hall, SELL, &[1; 100]), pair.start(hall, SELL, b"second"));
    pair.give_up(first);
    (pair.wire().up.blocked, pair.wire().up.black_hole) = (false, true);
    pair.pump();
    pair.cut();
    assert_eq!(payload(&pair.end_of(second)), b"second");
    let execute = &pair.executed[0].execute;
    assert_eq!((execute.at, execute.attempt), (id(1, 1), 2), "under its number, since it may have arrived");
}

#[test]
fn an_upload_that_ends_half_way_at_its_deadline_was_not_executed_and_goes_no_further() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let key = pair.start_within(hall, SELL, &vec![7; 5 << 20], 300 * MS);
    let mut first = Vec::new();
    let connection = client::ConnectionId(pair.newest());
    pair.client.poll_transmit(pair.now, connection, &mut first);
    pair.inject_up(&first);
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::NotExecuted, "{error}");
    pair.wire().up.blocked = false;
    pair.run_for(20 * MS);
    assert_eq!(kinds(&pair.wire().up.sent)[2..], [Kind::Ping, Kind::Cancel], "no further chunk");
    assert!(pair.executed.is_empty());
    assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
    assert_eq!(pair.executed[0].execute.at, id(0, 2), "in the same slot");
}

#[test]
fn an_upload_whose_last_part_was_handed_out_is_unknown_at_its_deadline() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.black_hole = true;
    let key = pair.start_within(hall, SELL, &vec![7; 100 << 10], 300 * MS);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn requests_that_no_stream_took_anything_of_go_out_on_the_next_in_the_order_of_their_calls() {
    let (mut pair, hall) = Pair::ready();
    // The slot that was left last is used first, so these are used in the opposite order.
    pair.hold();
    let calls: Vec<_> = (0..4).map(|_| pair.start(hall, SELL, b"before")).collect();
    (0..4).for_each(|slot| pair.complete(id(slot, 1), Completion::Ok(vec![])));
    calls.into_iter().for_each(|key| assert!(pair.end_of(key).is_ok()));
    pair.echo();
    pair.wire().up.blocked = true;
    let lengths = [2 << 20, 5 << 20, 1 << 20, 3 << 20];
    let calls = lengths.map(|length| pair.start(hall, SELL, &vec![7; length]));
    pair.cut();
    calls.into_iter().for_each(|key| assert!(pair.end_of(key).is_ok()));
    assert_eq!(pair.executed[4..].iter().map(|e| e.execute.payload.len()).collect::<Vec<_>>(), lengths);
}
