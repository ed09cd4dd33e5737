//! Requests that come again on a connection which has brought them, as no client writes them: whatever becomes of such a copy, the
//! call is never said not to have run.

mod support;

use rpc_core::client::{self, BindingId};
use rpc_core::frame::{Answer, Checksum, Chunk, Kind, Request};
use rpc_core::limits::CHUNK_LEN_MIN;
use rpc_core::server::{self, Completion};
use rpc_core::{Execution, SlotId};
use std::time::Duration;
use support::host::{Host, resuming};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

const LARGE: usize = 300 << 10;

/// The first frame of the only request that was written so far.
fn beginning(pair: &mut Pair) -> Vec<u8> {
    of_kind(&pair.wire().up.sent, Kind::Request).remove(0)
}

/// How often copies were refused.
fn refusals(pair: &mut Pair) -> usize {
    let replies = of_kind(&pair.wire().down.sent, Kind::Reply);
    replies.iter().filter(|frame| reply(frame).answer == Answer::Refused).count()
}

fn pair(limit: impl FnOnce(&mut rpc_core::Limits)) -> (Pair, BindingId) {
    let (mut server, retry) = (server::Config::default(), client::Retry::default().attempts(1));
    limit(&mut server.limits);
    let mut pair = Pair::with(client::Config { retry, ..Default::default() }, server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    (pair, hall)
}

#[test]
fn the_beginning_of_a_large_request_that_runs_is_not_refused_at_its_deadline() {
    for method in [SELL, FREE] {
        let (mut pair, hall) = pair(|_| {});
        pair.hold();
        pair.latency = MS;
        let key = pair.start_within(hall, method, &[7; LARGE], 300 * MS);
        pair.run_for(20 * MS);
        let again = beginning(&mut pair);
        pair.inject_up(&again);
        let error = failure(pair.end_of(key));
        assert_eq!(error.execution(), Execution::Unknown, "{error}");
        pair.run_for(SECOND);
        assert_eq!((pair.executed.len(), refusals(&mut pair)), (1, 0));
        if method == SELL {
            let id = error.request_id().expect("it was written");
            pair.complete(id.at, Completion::Ok(b"sold".to_vec()));
            pair.run_for(SECOND);
            assert_eq!(support::outcome(&mut pair, id).execution(), Execution::Executed);
        }
    }
}

#[test]
fn the_beginning_of_a_large_request_that_has_run_is_not_refused_while_its_reply_is_on_its_way() {
    let (mut pair, hall) = pair(|_| {});
    pair.hold();
    pair.latency = MS;
    let key = pair.start_within(hall, SELL, &[7; LARGE], 300 * MS);
    pair.run_for(20 * MS);
    let again = beginning(&mut pair);
    pair.inject_up(&again);
    pair.run_for(20 * MS);
    pair.wire().down.blocked = true;
    pair.complete(id(0, 1), Completion::Ok(vec![8; LARGE]));
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
    pair.wire().down.blocked = false;
    pair.run_for(SECOND);
    assert_eq!(refusals(&mut pair), 0);
}

#[test]
fn the_beginning_of_a_large_request_that_runs_is_not_refused_for_want_of_room() {
    let (mut pair, hall) = pair(|limits| (limits.message_max, limits.gathering_max) = (500 << 10, 500 << 10));
    pair.hold();
    let key = pair.start(hall, SELL, &[7; LARGE]);
    assert_eq!(pair.executed.len(), 1);
    let again = beginning(&mut pair);
    let other = Request {
        id: id(5, 1),
        method: SELL,
        deadline: 10_000,
        total: Some(LARGE as u32),
        payload: &[0; CHUNK_LEN_MIN],
        ..Request::default()
    };
    pair.inject_up(&written(|out| other.write(out, Checksum::Whole)));
    pair.inject_up(&again);
    assert!(!pair.has_ended(key), "nobody has said that it does not run");
    pair.complete(id(0, 1), Completion::Ok(b"sold".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"sold");
}

#[test]
fn a_request_that_may_run_again_is_not_refused_while_the_reply_of_its_first_run_is_on_its_way() {
    let (mut pair, hall) = pair(|limits| (limits.message_max, limits.bytes_max) = (1 << 20, 1 << 20));
    pair.hold();
    let key = pair.start(hall, FREE, b"seat");
    let again = beginning(&mut pair);
    pair.wire().down.blocked = true;
    pair.complete(id(0, 1), Completion::Ok(vec![8; 1 << 20]));
    // There is no room for it beside the reply.
    pair.inject_up(&again);
    pair.wire().down.blocked = false;
    assert_eq!(payload(&pair.end_of(key)).len(), 1 << 20);
    assert_eq!((pair.executed.len(), refusals(&mut pair)), (1, 0));
}

/// Both parts of a request of two, for a server whose clients the test plays.
fn parts(at: SlotId, filling: u8) -> [Vec<u8>; 2] {
    let part = [filling; CHUNK_LEN_MIN];
    let total = Some(2 * CHUNK_LEN_MIN as u32);
    let first = Request { id: at, method: SELL, deadline: 2000, total, payload: &part, ..Request::default() };
    [
        written(|out| first.write(out, Checksum::Whole)),
        written(|out| Chunk { id: at, payload: &part }.write(out, Checksum::Whole)),
    ]
}

/// What the replies among these frames say.
fn answers(said: Vec<u8>) -> Vec<Answer> {
    of_kind(&said, Kind::Reply).iter().map(|frame| reply(frame).answer).collect()
}

#[test]
fn a_connection_whose_copy_found_the_request_running_has_brought_it_too() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let other = host.resume(&welcome, 2);
    let [first, rest] = parts(id(0, 1), 7);
    for at in [one, other] {
        host.send(at, &[&first[..], &rest, &first].concat());
        host.begin();
    }
    host.pass(Duration::from_millis(2100));
    assert_eq!((answers(host.said(one)), answers(host.said(other))), (vec![], vec![]));
}

#[test]
fn a_connection_that_has_not_brought_all_of_a_request_is_told_so_though_another_has() {
    let mut host = Host::new();
    let (one, welcome) = host.open();
    let other = host.resume(&welcome, 2);
    let [first, rest] = parts(id(0, 1), 7);
    host.send(one, &[&first[..], &rest].concat());
    assert_eq!(host.begin(), [id(0, 1)]);
    host.send(one, &first);
    host.send(other, &first);
    host.pass(Duration::from_millis(2100));
    assert_eq!((answers(host.said(one)), answers(host.said(other))), (vec![], vec![Answer::Refused]));
    // Its place may be that of a later connection, which has brought nothing.
    host.cut(other);
    host.cut(one);
    let later = host.connect(&resuming(&welcome, 3));
    host.send(later, &first);
    host.pass(Duration::from_millis(2100));
    assert_eq!(answers(host.said(later)), [Answer::Refused]);
}

#[test]
fn other_bytes_under_the_number_of_a_large_request_are_misuse_on_the_same_connection_too() {
    let mut host = Host::new();
    let (at, _) = host.open();
    for filling in [7, 8] {
        let [first, rest] = parts(id(0, 1), filling);
        host.send(at, &[first, rest].concat());
        host.begin();
    }
    assert!(!host.is_open(at));
}
