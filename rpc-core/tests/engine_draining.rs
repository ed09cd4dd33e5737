//! A server that is about to go: what it still has to wait for.

mod support;

use rpc_core::client::{self, BindingId, CallKey};
use rpc_core::frame::Kind;
use rpc_core::server::{Completion, Outstanding};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, payload};

const NOTHING: Outstanding = Outstanding { attached: false, calls: 0, replies: 0, returning: false };

/// What is outstanding in the only session.
fn outstanding(pair: &mut Pair) -> Outstanding {
    let now = pair.now;
    pair.sessions.values().next().map_or(NOTHING, |session| session.outstanding(now))
}

/// Every session is told, and no new one is let in.
fn drain(pair: &mut Pair) {
    let now = pair.now;
    pair.endpoint.drain();
    pair.sessions.values_mut().for_each(|session| session.drain(now, "a restart"));
    pair.pump();
}

/// A call runs, and its client cannot reach the server any more.
fn left_running(method: u16) -> (Pair, CallKey) {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, method, b"seat");
    pair.unreachable = true;
    pair.cut();
    (pair, key)
}

/// The handler of the call that was left running ends.
fn complete(pair: &mut Pair, reply: &[u8]) {
    let session = *pair.sessions.keys().next().expect("it is kept");
    pair.complete_in(session, id(0, 1), Completion::Ok(reply.to_vec()));
}

#[test]
fn an_idle_client_leaves_when_it_is_told() {
    let (mut pair, hall) = Pair::ready();
    pair.call(hall, SELL, b"seat").expect("it is answered");
    assert!(outstanding(&mut pair).attached);
    drain(&mut pair);
    assert!(outstanding(&mut pair).is_none() && pair.sessions.values().all(|session| session.is_over()));
    assert_eq!(of_kind(&pair.wires[&1].up.sent, Kind::Close).len(), 1);
}

#[test]
fn a_client_with_calls_stays_until_they_are_answered() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"seat");
    drain(&mut pair);
    pair.run_for(5 * SECOND);
    assert_eq!(outstanding(&mut pair), Outstanding { attached: true, calls: 1, ..NOTHING });
    pair.complete(id(0, 1), Completion::Ok(b"done".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"done");
    assert!(outstanding(&mut pair).is_none());
}

#[test]
fn a_client_that_is_silent_but_answers_pings_is_waited_for_as_long_as_it_stays() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    pair.start_within(hall, SELL, b"seat", 600 * SECOND);
    drain(&mut pair);
    pair.run_for(60 * SECOND);
    assert!(outstanding(&mut pair).attached);
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_dead_client_is_found_so_in_a_drain_as_soon_as_if_somebody_waited_for_it() {
    let (mut pair, _) = Pair::ready();
    pair.run_for(10 * SECOND);
    pair.wire().up.vanish();
    pair.wire().down.vanish();
    drain(&mut pair);
    assert!(outstanding(&mut pair).attached);
    pair.run_for(2 * SECOND);
    assert_eq!(outstanding(&mut pair), Outstanding { returning: true, ..NOTHING });
    pair.run_for(2 * SECOND);
    assert!(outstanding(&mut pair).is_none(), "there is nothing that it may come back for");
}

#[test]
fn a_reply_whose_client_is_away_is_waited_for_until_it_is_fetched() {
    let (mut pair, key) = left_running(SELL);
    drain(&mut pair);
    pair.run_for(3 * SECOND);
    assert_eq!(outstanding(&mut pair), Outstanding { calls: 1, ..NOTHING });
    complete(&mut pair, b"done");
    pair.run_for(3 * SECOND);
    assert_eq!(outstanding(&mut pair), Outstanding { replies: 1, ..NOTHING });
    pair.unreachable = false;
    assert_eq!(payload(&pair.end_of(key)), b"done", "it is let in for that");
    assert!(outstanding(&mut pair).is_none());
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_reply_is_waited_for_until_its_caller_has_had_time_to_ask_what_became_of_the_call() {
    let (mut pair, _) = left_running(SELL);
    complete(&mut pair, b"done");
    drain(&mut pair);
    pair.run_for(14_900 * MS);
    assert_eq!(outstanding(&mut pair), Outstanding { replies: 1, ..NOTHING }, "the call had ten seconds");
    pair.run_for(200 * MS);
    assert!(outstanding(&mut pair).is_none());
}

#[test]
fn of_an_idempotent_call_nothing_is_kept_that_would_be_waited_for() {
    let (mut pair, _) = left_running(FREE);
    drain(&mut pair);
    pair.run_for(3 * SECOND);
    assert_eq!(outstanding(&mut pair).calls, 1);
    complete(&mut pair, b"7");
    assert!(outstanding(&mut pair).is_none());
}

#[test]
fn replies_that_their_client_has_let_go_of_are_not_waited_for() {
    let mut config = client::Config::default();
    config.limits.keep_alive = SECOND;
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    let hall: BindingId = pair.bind(&HALL);
    pair.start_within(hall, SELL, b"seat", 600 * SECOND);
    pair.run_for(2 * SECOND);
    pair.unreachable = true;
    pair.cut();
    drain(&mut pair);
    pair.run_for(2 * SECOND);
    assert!(outstanding(&mut pair).is_none());
}

#[test]
fn a_client_whose_connection_was_lost_just_now_has_time_to_bring_what_the_server_has_not_seen() {
    let (mut pair, hall) = Pair::ready();
    pair.run_for(10 * SECOND);
    pair.wire().up.black_hole = true;
    let key = pair.start(hall, SELL, b"seat");
    drain(&mut pair);
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)), b"seat", "over the next connection");
    assert_eq!((pair.executed.len(), pair.client.stats().resumed), (1, 1));
    let (mut pair, _) = Pair::ready();
    pair.unreachable = true;
    pair.cut();
    drain(&mut pair);
    assert_eq!(outstanding(&mut pair), Outstanding { returning: true, ..NOTHING });
    pair.run_for(2 * SECOND);
    assert!(outstanding(&mut pair).is_none());
}
