//! Which services are asked for on which connection, and the table of methods that they share.

mod support;

use rpc_core::BindError;
use rpc_core::Incarnation;
use rpc_core::client;
use rpc_core::frame::{Checksum, Kind};
use rpc_core::server::{Completion, Endpoint};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn binds(stream: &[u8]) -> Vec<rpc_core::frame::Bind> {
    let read = |frame: &Vec<u8>| {
        let (header, body) = rpc_core::frame::split(frame, Checksum::Whole).expect("sound").expect("whole");
        rpc_core::frame::Bind::read(&header, body).expect("a bind")
    };
    of_kind(stream, Kind::Bind).iter().map(read).collect()
}

#[test]
fn a_service_that_is_missing_may_be_asked_for_as_often_as_one_likes() {
    let (mut pair, hall) = Pair::ready();
    for _ in 0..20_000 {
        let bank = pair.client.bind(pair.now, &BANK);
        pair.pump();
        let outcome = pair.bound.pop().expect("an outcome");
        assert!(matches!(outcome, (id, Err(BindError::ServiceNotFound { .. })) if id == bank), "{outcome:?}");
    }
    assert_eq!(binds(&pair.wire().up.sent).len(), 2, "the server's answer stands for this connection");
    pair.call(hall, SELL, b"").expect("the hall is open");
}

#[test]
fn a_service_whose_binding_was_let_go_is_not_asked_for_on_the_next_connection() {
    let (mut pair, hall) = Pair::ready();
    let bank = pair.client.bind(pair.now, &BANK);
    pair.settle();
    pair.client.unbind(bank);
    pair.restart(Default::default(), vec![&HALL, &BANK]);
    pair.call(hall, SELL, b"").expect("the hall is open");
    let asked: Vec<_> = binds(&pair.wire().up.sent).into_iter().map(|bind| bind.service).collect();
    assert_eq!(asked, ["Hall"]);
    // Until somebody wants it again.
    assert_eq!(pair.client.bind(pair.now, &BANK), bank);
    pair.settle();
    assert_eq!(pair.bound.last(), Some(&(bank, Ok(()))));
    assert_eq!(payload(&pair.call(bank, 0, b"coin")), b"coin");
    assert_eq!(binds(&pair.wire().up.sent)[1].base, 3, "behind the hall's three methods");
}

#[test]
fn a_service_that_was_let_go_while_it_was_asked_for_is_dialled_for_no_more() {
    let config = client::Config { wait_for_server: 60 * SECOND, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.unreachable = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.run_for(SECOND);
    pair.client.unbind(id);
    let dials = pair.dials.len();
    pair.run_for(60 * SECOND);
    assert_eq!((pair.dials.len(), pair.outcome_of(id)), (dials, None));
}

#[test]
fn a_call_of_a_service_that_was_not_asked_for_here_waits_for_the_servers_answer() {
    let mut pair = Pair::with(Default::default(), Pair::fleeting(), vec![&HALL, &BANK]);
    pair.latency = 5 * MS;
    let (hall, bank) = (pair.bind(&HALL), pair.bind(&BANK));
    pair.client.unbind(bank);
    pair.cut();
    pair.call(hall, SELL, b"").expect("in a new session");
    assert_eq!(payload(&pair.call(bank, 0, b"coin")), b"coin");
    let order = kinds(&pair.wire().up.sent);
    assert_eq!(order, [Kind::Hello, Kind::Bind, Kind::Request, Kind::Bind, Kind::Request]);
}

#[test]
fn a_table_of_methods_that_is_full_is_told_with_what_fills_it_and_the_other_services_work_on() {
    let all: Vec<_> = (0..17).map(large_service).collect();
    let mut pair = Pair::with(Default::default(), Default::default(), all.clone());
    let first = pair.bind(all[0]);
    for service in &all[1..16] {
        pair.bind(service);
    }
    let last = pair.client.bind(pair.now, all[16]);
    pair.settle();
    let Some(Err(error)) = pair.outcome_of(last) else { panic!("there is no room for it") };
    assert_eq!(
        error.to_string(),
        "the session's table of methods is full: Large16 has 1024, 16384 of 16384 places are taken; bind it over \
         a channel of its own"
    );
    assert_eq!(payload(&pair.call(first, 1023, b"it works")), b"it works");
    // A new connection has a new table, with room for those that are still wanted.
    pair.client.unbind(first);
    pair.cut();
    assert_eq!(payload(&pair.call(last, 1023, b"it works")), b"it works");
}

#[test]
fn a_service_that_is_bound_already_cannot_be_bound_once_the_channel_is_closed() {
    let (mut pair, hall) = Pair::ready();
    pair.client.close(pair.now);
    pair.pump();
    assert_eq!(pair.client.bind(pair.now, &HALL), hall);
    pair.pump();
    assert_eq!(pair.bound.last(), Some(&(hall, Err(BindError::Closed))));
}

#[test]
fn a_call_whose_service_finds_the_table_of_methods_full_ends_at_once() {
    let all: Vec<_> = (0..17).map(large_service).collect();
    let mut pair = Pair::with(Default::default(), Pair::fleeting(), all.clone());
    let last = pair.bind(all[16]);
    pair.client.unbind(last);
    pair.run_for(10 * SECOND);
    pair.cut();
    for service in &all[..16] {
        pair.bind(service);
    }
    pair.wire().up.blocked = true;
    let key = pair.start(last, 0, b"");
    assert!(pair.has_ended(key), "nothing is to be heard of the server");
    let error = failure(pair.end_of(key));
    assert!(error.to_string().contains("table of methods is full"), "{error}");
}

#[test]
fn a_method_that_the_last_server_lacked_may_be_called_on_the_next_one() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_1_0]);
    let hall = pair.bind(&HALL);
    failure(pair.call(hall, REFUND, b""));
    pair.run_for(10 * SECOND);
    pair.restart(Default::default(), vec![&HALL]);
    assert_eq!(payload(&pair.call(hall, REFUND, b"back")), b"back");
}

#[test]
fn a_method_that_a_server_lacks_which_goes_away_is_called_on_the_next_one() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_1_0]);
    let hall = pair.bind(&HALL);
    pair.hold();
    pair.start(hall, SELL, b"");
    let now = pair.now;
    pair.session().drain(now, "");
    pair.pump();
    pair.endpoint = Endpoint::new(Default::default(), Incarnation(2), vec![&HALL]);
    let refund = pair.start(hall, REFUND, b"back");
    pair.echo();
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    assert_eq!(payload(&pair.end_of(refund)), b"back");
}

#[test]
fn a_service_is_not_bound_while_there_is_no_server() {
    let (mut pair, hall) = Pair::ready();
    pair.run_for(10 * SECOND);
    pair.unreachable = true;
    pair.cut();
    pair.bound.clear();
    assert!(!pair.client.is_bound(hall));
    pair.client.bind(pair.now, &HALL);
    pair.run_for(10 * SECOND);
    let outcome = pair.outcome_of(hall);
    assert!(matches!(outcome, Some(Err(BindError::Unreachable { .. }))), "{outcome:?}");
}

#[test]
fn a_service_that_was_let_go_and_is_held_again_is_asked_for_in_the_next_session() {
    let mut pair = Pair::with(Default::default(), Pair::fleeting(), vec![&HALL, &BANK]);
    let (hall, bank) = (pair.bind(&HALL), pair.bind(&BANK));
    pair.client.unbind(bank);
    pair.client.hold(bank);
    pair.cut();
    pair.call(hall, SELL, b"").expect("in a new session");
    let asked: Vec<_> = binds(&pair.wire().up.sent).into_iter().map(|bind| bind.service).collect();
    assert_eq!(asked, ["Hall", "Bank"]);
}

#[test]
fn an_outcome_that_nobody_has_heard_yet_is_not_told_to_who_asks_after_its_connection() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let call = pair.start(hall, FREE, b"");
    let bank = pair.client.bind(pair.now, &BANK);
    pair.settle();
    let now = pair.now;
    pair.session().drain(now, "");
    pair.pump();
    pair.bound.clear();
    // In one breath: it is refused here, the connection ends with its last call, it is asked for again.
    pair.client.bind(now, &BANK);
    pair.client.give_up(now, call);
    pair.client.bind(now, &BANK);
    pair.restart(Default::default(), vec![&HALL, &BANK]);
    pair.run_for(SECOND);
    assert_eq!(pair.bound, [(bank, Ok(()))]);
}

/// A pair whose server has fallen silent while it is asked for nothing.
fn gone_silent(mut pair: Pair) -> Pair {
    pair.run_for(10 * SECOND);
    pair.wire().down.black_hole = true;
    pair.wire().up.black_hole = true;
    pair
}

#[test]
fn a_server_that_falls_silent_is_noticed_by_who_waits_for_its_word_on_a_service() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL, &BANK]);
    pair.bind(&HALL);
    let mut pair = gone_silent(pair);
    let begun = pair.now;
    let bank = pair.client.bind(pair.now, &BANK);
    pair.pump();
    while pair.outcome_of(bank).is_none() && pair.now < begun + 60 * SECOND {
        pair.step(begun + 60 * SECOND);
    }
    let outcome = pair.outcome_of(bank);
    assert!(matches!(outcome, Some(Err(BindError::Interrupted { .. }))), "{outcome:?}");
    assert_eq!(pair.now, begun + 1400 * MS, "as for a call");
}

#[test]
fn a_call_that_waits_for_a_silent_servers_word_on_its_service_moves_on() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL, &BANK]);
    let (hall, bank) = (pair.bind(&HALL), pair.bind(&BANK));
    pair.client.unbind(bank);
    pair.cut();
    pair.call(hall, SELL, b"").expect("over a new connection");
    let mut pair = gone_silent(pair);
    let key = pair.start(bank, 0, b"coin");
    assert_eq!(payload(&pair.end_of(key)), b"coin");
}
