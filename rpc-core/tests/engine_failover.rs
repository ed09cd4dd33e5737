//! Several servers: calls that were written stay with their own, all others go where a server is.

mod support;

use rpc_core::client::{self, BindingId, Outcome, Retry};
use rpc_core::frame::{Answer, Close, CloseCode, Kind};
use rpc_core::server::{Completion, Endpoint};
use rpc_core::{Code, Execution, Incarnation, RequestId, SessionId, SlotId};
use support::played::*;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn two_with(retry: Retry) -> (Pair, BindingId) {
    let config = client::Config { addresses: 2, retry, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.serve_at(1, Default::default());
    let hall = pair.bind(&HALL);
    pair.hold();
    (pair, hall)
}

/// A channel to two servers, with a connection to the first. No handler ends by itself.
fn two() -> (Pair, BindingId) {
    two_with(Retry::default())
}

/// The first server cannot be reached any more, though it lives.
fn lose_the_first(pair: &mut Pair) {
    pair.dead = vec![0];
    pair.cut();
}

/// Number, and address of the server, of all handlers that have begun.
fn begun(pair: &Pair) -> Vec<(SlotId, usize)> {
    let home = |id: &RequestId| pair.home(id.session);
    pair.executed.iter().map(|e| e.execute.request_id).map(|id| (id.at, home(&id))).collect()
}

fn complete(pair: &mut Pair, which: usize, reply: &[u8]) {
    let id = pair.executed[which].execute.request_id;
    pair.complete_in(id.session, id.at, Completion::Ok(reply.to_vec()));
}

fn outcome(pair: &mut Pair, id: Option<RequestId>) -> Outcome {
    pair.client.outcome(pair.now, id.expect("it was written"))
}

#[test]
fn a_written_call_waits_for_its_own_server_while_new_ones_go_to_another() {
    let (mut pair, hall) = two();
    let old = pair.start_within(hall, SELL, b"old", 600 * SECOND);
    lose_the_first(&mut pair);
    let new = pair.start(hall, SELL, b"new");
    pair.run_for(SECOND);
    assert_eq!(begun(&pair), [(id(0, 1), 0), (id(0, 1), 1)]);
    complete(&mut pair, 1, b"of the second");
    assert_eq!(payload(&pair.end_of(new)), b"of the second");
    pair.run_for(60 * SECOND);
    assert!(!pair.has_ended(old));
    assert!(pair.addresses[2..].iter().all(|address| *address == 0), "{:?}", pair.addresses);
    // It was done long ago; its reply waits there.
    complete(&mut pair, 0, b"of the first");
    pair.dead.clear();
    assert_eq!(payload(&pair.end_of(old)), b"of the first");
    assert_eq!(begun(&pair).len(), 2);
    pair.settle();
    let open: Vec<_> = pair.wires.values().filter(|wire| wire.is_open_at_the_client()).collect();
    assert_eq!(open.len(), 1, "nothing is wanted of the first session any more");
}

#[test]
fn a_written_call_whose_server_was_restarted_is_unknown_and_another_server_is_never_asked() {
    let (mut pair, hall) = two();
    let old = pair.start_within(hall, SELL, b"old", 600 * SECOND);
    lose_the_first(&mut pair);
    let new = pair.start(hall, SELL, b"new");
    pair.run_for(SECOND);
    complete(&mut pair, 1, b"");
    assert!(pair.end_of(new).is_ok());
    pair.restart_at(0);
    pair.dead.clear();
    let error = failure(pair.end_of(old));
    assert_eq!(error.execution(), Execution::Unknown);
    assert!(matches!(outcome(&mut pair, error.request_id()), Outcome::Unknown { settled: false }));
    pair.run_for(60 * SECOND);
    assert_eq!(begun(&pair).len(), 2);
}

#[test]
fn an_idempotent_call_moves_to_another_server_under_another_number() {
    let (mut pair, hall) = two();
    let key = pair.start(hall, FREE, b"seats");
    lose_the_first(&mut pair);
    pair.run_for(SECOND);
    assert_eq!(begun(&pair), [(id(0, 1), 0), (id(0, 1), 1)]);
    assert_eq!(pair.executed[1].execute.attempt, 2, "the server can see that it may run again");
    complete(&mut pair, 0, b"unheard");
    complete(&mut pair, 1, b"7");
    assert_eq!(payload(&pair.end_of(key)), b"7");
    assert_eq!((pair.client.stats().retried, pair.client.slots_in_use()), (1, 0));
}

#[test]
fn an_idempotent_call_that_may_not_be_tried_again_waits_for_its_own_server() {
    for retry in [Retry::default().attempts(1), Retry::default().percent(0).a_second(0)] {
        let (mut pair, hall) = two_with(retry);
        let key = pair.start_within(hall, FREE, b"seats", 600 * SECOND);
        lose_the_first(&mut pair);
        let new = pair.start(hall, SELL, b"new");
        pair.run_for(SECOND);
        complete(&mut pair, 1, b"");
        assert!(pair.end_of(new).is_ok());
        assert_eq!((begun(&pair).len(), pair.has_ended(key)), (2, false));
        pair.dead.clear();
        pair.run_for(SECOND);
        complete(&mut pair, 0, b"7");
        assert_eq!(payload(&pair.end_of(key)), b"7");
        assert_eq!(pair.client.stats().retried, 0);
    }
}

#[test]
fn an_idempotent_call_that_has_moved_and_is_refused_there_is_unknown() {
    let (mut pair, hall) = two();
    let key = pair.start(hall, FREE, b"seats");
    let refused = || Completion::NotStarted { code: Code::InvalidArgument, reason: "no".into() };
    pair.handler = Box::new(move |_| Some(refused()));
    lose_the_first(&mut pair);
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    assert_eq!(begun(&pair), [(id(0, 1), 0), (id(0, 1), 1)]);
}

#[test]
fn calls_that_were_not_written_are_the_first_at_another_server() {
    let (mut pair, hall) = two();
    pair.start(hall, SELL, b"written");
    pair.wire().up.blocked = true;
    pair.start(hall, SELL, b"1");
    pair.start(hall, FREE, b"2");
    pair.dead = vec![0, 1];
    pair.cut();
    pair.start(hall, SELL, b"3");
    pair.dead = vec![0];
    pair.run_for(SECOND);
    let order: Vec<_> = pair.executed.iter().map(|e| e.execute.payload.clone()).collect();
    assert_eq!(order, [&b"written"[..], b"1", b"2", b"3"]);
    assert!(pair.executed.iter().all(|e| e.execute.attempt == 1));
}

#[test]
fn two_sessions_are_served_at_a_time_each_by_its_own_server() {
    let (mut pair, hall) = two();
    let key = pair.start_within(hall, SELL, b"given up", 300 * MS);
    let number = failure(pair.end_of(key)).request_id();
    let old = pair.start_within(hall, SELL, b"old", 600 * SECOND);
    lose_the_first(&mut pair);
    let new = pair.start_within(hall, SELL, b"new", 600 * SECOND);
    pair.run_for(SECOND);
    pair.dead.clear();
    pair.run_for(60 * SECOND);
    assert_eq!(begun(&pair), [(id(0, 1), 0), (id(1, 1), 0), (id(0, 1), 1)]);
    assert_eq!(pair.client.slots_in_use(), 3);
    complete(&mut pair, 2, b"of the second");
    assert_eq!(payload(&pair.end_of(new)), b"of the second");
    assert!(matches!(outcome(&mut pair, number), Outcome::Pending), "the same slot and number as elsewhere");
    complete(&mut pair, 0, b"of the first");
    assert!(matches!(outcome(&mut pair, number), Outcome::Executed(Some(_))));
    assert!(!pair.has_ended(old));
    complete(&mut pair, 1, b"of the first too");
    assert_eq!(payload(&pair.end_of(old)), b"of the first too");
    assert_eq!(pair.client.slots_in_use(), 0);
}

/// The first server is about to go, while a call runs there. The handler of the call is the first one.
fn draining(method: u16) -> (Pair, BindingId, client::CallKey) {
    let (mut pair, hall) = two();
    let running = pair.start_within(hall, method, b"running", 600 * SECOND);
    let now = pair.now;
    pair.session().drain(now, "a new version is rolled out");
    pair.endpoint.drain();
    pair.pump();
    let next = pair.start(hall, SELL, b"next");
    pair.run_for(SECOND);
    complete(&mut pair, 1, b"elsewhere");
    assert_eq!(payload(&pair.end_of(next)), b"elsewhere");
    assert_eq!(begun(&pair)[1].1, 1);
    (pair, hall, running)
}

#[test]
fn a_server_that_goes_away_is_left_as_soon_for_the_twentieth_time_as_for_the_first() {
    let (mut pair, hall) = two();
    pair.echo();
    for turn in 0..20 {
        assert!(pair.call(hall, SELL, b"").is_ok());
        let now = pair.now;
        pair.session().drain(now, "a restart");
        pair.pump();
        assert!(pair.call(hall, SELL, b"").is_ok());
        assert!(pair.now - now <= 50 * MS, "turn {turn}: {:?}", pair.now - now);
    }
}

fn said_going_away(pair: &Pair, connection: u32) -> bool {
    let closes = of_kind(&pair.wires[&connection].up.sent, Kind::Close);
    let read = |frame: &Vec<u8>| {
        let (header, body) =
            rpc_core::frame::split(frame, rpc_core::frame::Checksum::Whole).expect("sound").expect("whole");
        Close::read(&header, body).expect("a close").code
    };
    closes.iter().map(read).eq([CloseCode::GoingAway])
}

#[test]
fn what_runs_on_a_server_that_goes_away_gets_its_own_answer_and_then_its_session_ends() {
    for method in [SELL, FREE] {
        let (mut pair, _, running) = draining(method);
        assert!(pair.wires[&1].is_open_at_the_client() && !said_going_away(&pair, 1));
        complete(&mut pair, 0, b"done");
        assert_eq!(payload(&pair.end_of(running)), b"done");
        pair.settle();
        assert!(!pair.wires[&1].is_open_at_the_client() && said_going_away(&pair, 1));
        assert_eq!((begun(&pair).len(), pair.sessions.len()), (2, 1));
    }
}

#[test]
fn a_call_on_a_server_that_goes_away_outlives_its_connection_there() {
    let (mut pair, _, running) = draining(SELL);
    pair.break_connection(1);
    pair.run_for(SECOND);
    complete(&mut pair, 0, b"done");
    assert_eq!(payload(&pair.end_of(running)), b"done");
    assert_eq!((begun(&pair).len(), pair.client.stats().resumed), (2, 1));
}

#[test]
fn an_idempotent_call_on_a_server_that_goes_away_moves_at_once_when_its_connection_is_lost() {
    let (mut pair, _, running) = draining(FREE);
    pair.dead = vec![0];
    pair.echo();
    pair.break_connection(1);
    assert!(pair.has_ended(running), "the other server was there already");
    assert_eq!(payload(&pair.end_of(running)), b"running");
    assert_eq!(begun(&pair)[2].1, 1);
}

#[test]
fn calls_that_were_not_written_to_a_server_that_goes_away_go_elsewhere_in_their_order() {
    let (mut pair, hall) = two();
    let running = pair.start_within(hall, SELL, b"running", 600 * SECOND);
    pair.wire().up.blocked = true;
    let large = pair.start_within(hall, SELL, &[7; 2 << 20], 600 * SECOND);
    let small = pair.start_within(hall, SELL, b"small", 600 * SECOND);
    let now = pair.now;
    pair.session().drain(now, "");
    pair.pump();
    let next = pair.start(hall, SELL, b"next");
    pair.echo();
    for (key, length) in [(large, 2 << 20), (small, 5), (next, 4)] {
        assert_eq!(payload(&pair.end_of(key)).len(), length);
    }
    let executed = pair.executed[1..].iter().map(|e| (e.execute.at, e.execute.attempt));
    // Small messages go before what is left of large ones.
    assert_eq!(executed.collect::<Vec<_>>(), [(id(1, 1), 1), (id(2, 1), 1), (id(0, 1), 1)]);
    assert!(!pair.has_ended(running), "it was written, and its server answers it");
}

#[test]
fn of_a_large_request_that_was_begun_the_server_that_goes_away_gets_the_rest() {
    let (mut pair, hall) = two();
    pair.start_within(hall, SELL, b"running", 600 * SECOND);
    pair.wire().up.blocked = true;
    let large = pair.start_within(hall, SELL, &[7; 2 << 20], 600 * SECOND);
    let (mut first, now, connection) = (Vec::new(), pair.now, client::ConnectionId(pair.newest()));
    assert!(pair.client.poll_transmit(now, connection, &mut first));
    pair.inject_up(&first);
    pair.session().drain(now, "");
    pair.pump();
    pair.run_for(100 * MS);
    assert!(!pair.has_ended(large), "nobody may run it before it is known that the first one does not");
    pair.wires.get_mut(&1).expect("it is there still").up.blocked = false;
    pair.run_for(100 * MS);
    assert_eq!(begun(&pair), [(id(0, 1), 0), (id(1, 1), 0)]);
    complete(&mut pair, 1, b"done");
    assert_eq!(payload(&pair.end_of(large)), b"done");
}

#[test]
fn answers_of_a_server_that_was_asked_nothing_are_not_taken_for_another_ones() {
    let config = client::Config { addresses: 2, ..Default::default() };
    let (mut pair, hall) = played_with(config, 8);
    let key = pair.start_within(hall, SELL, b"seat 1", 5 * SECOND);
    pair.dead = vec![0];
    pair.cut();
    let next = pair.start(hall, SELL, b"seat 2");
    let most = pair.now + SECOND;
    while pair.addresses.last() != Some(&1) {
        pair.step(most);
    }
    // In the midst of its handshake it has a word on a number that the session before has used.
    let elsewhere = rpc_core::frame::Welcome { session: SessionId(10), ..held(8) };
    pair.inject_down(&written(|out| elsewhere.write(out)));
    say(&mut pair, id(0, 1), Answer::Fenced);
    assert!(!pair.wire().is_open_at_the_client());
    assert!(!pair.has_ended(key) && !pair.has_ended(next));
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
}

#[test]
fn a_session_that_was_left_is_found_again_by_the_fence_alone() {
    let (mut pair, hall) = two();
    let given_up = pair.start_within(hall, SELL, b"given up", 600 * SECOND);
    lose_the_first(&mut pair);
    let new = pair.start(hall, SELL, b"new");
    pair.run_for(SECOND);
    complete(&mut pair, 1, b"");
    assert!(pair.end_of(new).is_ok());
    pair.give_up(given_up);
    assert_eq!(pair.client.slots_in_use(), 1);
    pair.dead.clear();
    pair.run_for(60 * SECOND);
    let third = pair.newest();
    assert_eq!(kinds(&pair.wires[&third].up.sent)[..2], [Kind::Hello, Kind::Cancel]);
    complete(&mut pair, 0, b"to nobody");
    assert_eq!((pair.client.slots_in_use(), begun(&pair).len()), (0, 2));
    assert!(!pair.wires[&third].is_open_at_the_client());
}

#[test]
fn a_new_call_is_not_held_up_by_the_pauses_of_a_session_that_waits_for_its_own_server() {
    let config = client::Config { addresses: 2, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.serve_at(1, Default::default());
    let hall = pair.bind(&HALL);
    pair.hold();
    let given_up = pair.start_within(hall, SELL, b"old", SECOND);
    pair.run_for(2 * SECOND);
    assert!(pair.has_ended(given_up));
    assert_eq!(pair.client.slots_in_use(), 1, "its slot waits for the fence");
    // Its server is gone for long, so that it is asked for at intervals of half a minute.
    pair.dead = vec![0];
    pair.cut();
    pair.run_for(300 * SECOND);
    pair.echo();
    let before = pair.now;
    assert_eq!(payload(&pair.call(hall, SELL, b"new")), b"new");
    assert!(pair.now - before < 2 * SECOND, "{:?}", pair.now - before);
}

#[test]
fn a_session_that_was_left_may_be_lost_while_the_current_one_makes_room_for_its_calls() {
    let large: Vec<_> = (0..16).map(large_service).collect();
    let all: Vec<_> = large.iter().copied().chain([&HALL]).collect();
    let config = client::Config { addresses: 2, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), all.clone());
    pair.elsewhere.insert(1, Endpoint::new(Default::default(), Incarnation(77), all));
    let hall = pair.bind(&HALL);
    pair.hold();
    let key = pair.start_within(hall, FREE, b"seats", 600 * SECOND);
    pair.client.unbind(hall);
    // The server drains, and keeps the call; new ones go to another, whose table of methods gets full.
    let (left, now) = (pair.newest(), pair.now);
    pair.session().drain(now, "");
    pair.endpoint.drain();
    pair.pump();
    let _ = pair.client.bind(pair.now, large[0]);
    pair.run_for(5 * SECOND);
    for service in &large[1..] {
        pair.bind(service);
    }
    let one = pair.client.bind(pair.now, large[1]);
    pair.client.unbind(one);
    pair.pump();
    pair.dead = vec![0];
    pair.echo();
    pair.break_connection(left);
    assert_eq!(payload(&pair.end_of(key)), b"seats");
}
