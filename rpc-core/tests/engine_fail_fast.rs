//! Calls that do not wait for a connection.

mod support;

use rpc_core::client::{self, BindingId, CallKey, NewCall};
use rpc_core::frame::Kind;
use rpc_core::server::Completion;
use rpc_core::{BindError, Code, Error, Execution};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn hurried(pair: &mut Pair, hall: BindingId, method: u16, payload: &[u8]) -> CallKey {
    let (timeout, payload) = (10 * SECOND, payload.to_vec());
    let deadline = pair.now + timeout;
    let call = NewCall { binding: hall, method, deadline, timeout, metadata: None, payload, fail_fast: true };
    let key = pair.client.start(pair.now, call);
    pair.pump();
    key
}

fn two(fail_fast: bool) -> (Pair, BindingId) {
    let config = client::Config { addresses: 2, fail_fast, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.serve_at(1, Default::default());
    let hall = pair.bind(&HALL);
    (pair, hall)
}

#[test]
fn over_a_connection_it_is_a_call_like_any_other() {
    let (mut pair, hall) = Pair::ready();
    let key = hurried(&mut pair, hall, SELL, b"seat");
    assert_eq!(payload(&pair.end_of(key)), b"seat");
}

#[test]
fn without_a_connection_it_ends_at_once_with_the_addresses_that_were_tried() {
    let (mut pair, hall) = two(false);
    pair.unreachable = true;
    pair.cut();
    let waits = pair.start(hall, SELL, b"waits");
    pair.run_for(SECOND);
    let start = pair.now;
    let key = hurried(&mut pair, hall, SELL, b"hurried");
    let error = failure(pair.end_of(key));
    assert_eq!(
        (pair.now, error.execution(), error.code()),
        (start, Execution::NotExecuted, Code::Unavailable)
    );
    let Error::Unavailable { source, .. } = &error else { panic!("{error}") };
    let BindError::Unreachable { tried, .. } = &**source else { panic!("{source}") };
    assert!(tried.len() >= 2, "both addresses, with what happened there: {error}");
    assert!(!pair.has_ended(waits), "others wait as before");
}

#[test]
fn a_connection_is_made_for_the_calls_that_come_later() {
    let (mut pair, hall) = Pair::ready();
    pair.run_for(2 * SECOND);
    pair.cut();
    let key = hurried(&mut pair, hall, SELL, b"first");
    let error = failure(pair.end_of(key));
    assert!(error.to_string().contains("connection reset by peer"), "why the connection was lost: {error}");
    pair.run_for(SECOND);
    assert_eq!(pair.dials.len(), 2);
    let key = hurried(&mut pair, hall, SELL, b"second");
    assert_eq!(payload(&pair.end_of(key)), b"second");
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_channel_none_of_whose_calls_wait_makes_its_connection_again_by_itself() {
    for fail_fast in [true, false] {
        let (mut pair, _) = two(fail_fast);
        pair.run_for(2 * SECOND);
        pair.dead = vec![0];
        pair.cut();
        pair.run_for(SECOND);
        assert_eq!(pair.addresses.len() > 1, fail_fast, "{:?}", pair.addresses);
        assert_eq!(pair.client.server_address().is_some(), fail_fast);
    }
}

#[test]
fn it_ends_when_the_connection_is_lost_while_it_waits_to_be_written() {
    let mut config = client::Config::default();
    config.limits.slots = 1;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    let written = hurried(&mut pair, hall, SELL, b"written");
    let waits = pair.start(hall, SELL, b"waits");
    let key = hurried(&mut pair, hall, SELL, b"hurried");
    pair.run_for(500 * MS);
    assert!(!pair.has_ended(key), "there is a connection, so it waits for its turn");
    pair.unreachable = true;
    pair.cut();
    let lost = pair.now;
    let error = failure(pair.end_of(key));
    assert_eq!((pair.now, error.execution()), (lost, Execution::NotExecuted), "{error}");
    assert!(!pair.has_ended(waits) && !pair.has_ended(written));
    // What was written waits for its session, however hurried it was.
    pair.unreachable = false;
    pair.echo();
    pair.run_for(SECOND);
    pair.complete(id(0, 1), Completion::Ok(b"of the first run".to_vec()));
    assert_eq!(payload(&pair.end_of(written)), b"of the first run");
    assert_eq!(payload(&pair.end_of(waits)), b"waits");
    assert_eq!(pair.executed.len(), 2);
}

#[test]
fn it_ends_when_the_connection_is_lost_before_the_stream_has_taken_it() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let key = hurried(&mut pair, hall, SELL, b"unsent");
    assert!(!pair.has_ended(key));
    pair.unreachable = true;
    pair.cut();
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::NotExecuted, "{error}");
    assert!(pair.executed.is_empty());
}

#[test]
fn it_ends_when_its_server_drains_and_no_other_is_there_yet() {
    let mut config = client::Config::default();
    config.limits.slots = 1;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.hold();
    let written = pair.start(hall, SELL, b"written");
    let key = hurried(&mut pair, hall, SELL, b"hurried");
    let now = pair.now;
    pair.session().drain(now, "a restart");
    pair.endpoint.drain();
    pair.settle();
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::NotExecuted);
    assert!(error.to_string().contains("the server is going away: a restart"), "{error}");
    pair.complete(id(0, 1), Completion::Ok(b"done".to_vec()));
    assert_eq!(payload(&pair.end_of(written)), b"done");
}

#[test]
fn an_idempotent_call_that_may_have_run_elsewhere_is_not_ended_for_want_of_a_connection() {
    let (mut pair, hall) = two(true);
    pair.hold();
    let key = hurried(&mut pair, hall, FREE, b"seats");
    pair.run_for(2 * SECOND);
    pair.unreachable = true;
    pair.restart(Default::default(), vec![&HALL]);
    pair.run_for(SECOND);
    assert!(!pair.has_ended(key), "it is in doubt");
    pair.unreachable = false;
    pair.echo();
    assert_eq!(payload(&pair.end_of(key)), b"seats");
}

#[test]
fn a_call_that_was_refused_does_not_wait_for_a_connection_to_be_tried_again() {
    let (mut pair, hall) = Pair::ready();
    pair.handler =
        Box::new(|_| Some(Completion::NotStarted { code: Code::Unavailable, reason: "not now".to_owned() }));
    let key = hurried(&mut pair, hall, SELL, b"");
    assert!(!pair.has_ended(key), "it rests until its next attempt");
    pair.unreachable = true;
    pair.cut();
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::NotExecuted);
    assert_eq!(error.attempts().len(), 2, "{error}");
    assert_eq!(of_kind(&pair.wires[&1].up.sent, Kind::Request).len(), 1);
}

#[test]
fn a_channel_over_one_stream_does_not_dial_for_ever() {
    let config = client::Config { fail_fast: true, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.run_for(2 * SECOND);
    pair.stream_ended = true;
    pair.cut();
    pair.run_for(3600 * SECOND);
    assert_eq!(pair.dials.len(), 2);
    let error = failure(pair.call(hall, SELL, b""));
    assert!(error.to_string().contains("this channel has no other"), "{error}");
}
