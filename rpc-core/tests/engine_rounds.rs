//! Several addresses: in which order they are tried, how long each may take, and what is told in the end.

mod support;

use rpc_core::client::{self, BindingId};
use rpc_core::frame::{Bound, BoundResult, Close, CloseCode, Reject, RejectCode};
use rpc_core::server;
use rpc_core::{BindError, Offer};
use std::time::Duration;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, payload};

fn with(addresses: usize) -> Pair {
    let config = client::Config { addresses, ..Default::default() };
    Pair::with(config, server::Config::default(), vec![&HALL])
}

/// Servers that say nothing by themselves, of which the first has just been dialled.
fn silent(addresses: usize) -> (Pair, BindingId) {
    let mut pair = with(addresses);
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    (pair, id)
}

/// The newest server answers the handshake, but has another service.
fn says_not_found(pair: &mut Pair, offer: &str) {
    let offered = vec![Offer { name: offer.to_owned(), version: (1, 0) }];
    pair.inject_down(&written(|out| {
        welcome(8).write(out);
        Bound { number: 0, result: BoundResult::NotFound { offered } }.write(out);
    }));
}

#[test]
fn after_a_dead_probe_the_next_address_is_dialled_first_however_old_the_connection_was() {
    let mut pair = with(2);
    let hall = pair.bind(&HALL);
    pair.run_for(20 * SECOND);
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, FREE, b"seats");
    assert_eq!(payload(&pair.end_of(key)), b"seats");
    assert_eq!(pair.addresses, [0, 1]);
}

#[test]
fn after_a_dead_probe_of_a_young_connection_its_address_is_passed_once() {
    let mut pair = with(2);
    let hall = pair.bind(&HALL);
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, FREE, b"seats");
    assert_eq!(payload(&pair.end_of(key)), b"seats");
    assert_eq!(pair.addresses, [0, 1]);
}

#[test]
fn after_another_loss_an_old_connections_address_is_dialled_first_again() {
    let mut pair = with(2);
    let hall = pair.bind(&HALL);
    pair.run_for(20 * SECOND);
    pair.cut();
    pair.call(hall, SELL, b"").expect("it is there again");
    assert_eq!(pair.addresses, [0, 0]);
}

#[test]
fn a_connection_that_ends_soon_speaks_against_its_address() {
    let mut pair = with(2);
    let hall = pair.bind(&HALL);
    pair.run_for(2 * SECOND);
    pair.cut();
    pair.call(hall, SELL, b"").expect("the other one serves");
    assert_eq!(pair.addresses, [0, 1]);
}

#[test]
fn silent_servers_share_one_window_and_are_all_told() {
    let (mut pair, id) = silent(3);
    let begin = pair.now;
    while pair.outcome_of(id).is_none() {
        pair.step(begin + 60 * SECOND);
    }
    assert_eq!(pair.addresses, [0, 1, 2]);
    assert!(pair.now - begin <= 5 * SECOND + MS, "{:?}", pair.now - begin);
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("nobody answers") };
    let one = "hall:7000: no answer to the handshake within 1.7s (after 1.7s)";
    assert_eq!(error.to_string(), format!("no server can be used: {one}; {one}; {one}"));
    assert!(error.is_retryable());
}

#[test]
fn in_a_long_list_of_silent_servers_each_gets_a_quarter_of_what_is_left_and_all_are_tried() {
    let (mut pair, id) = silent(20);
    let begin = pair.now;
    pair.run_for(5 * SECOND + MS);
    assert!(pair.outcome_of(id).is_some());
    assert_eq!(pair.addresses, (0..20).collect::<Vec<_>>());
    assert_eq!(pair.dials[1] - begin, 1250 * MS);
    assert!(pair.dials[19] - pair.dials[18] >= 5 * MS, "the last ones are not cheated of their time");
}

#[test]
fn what_one_address_does_not_use_of_the_window_the_others_get() {
    let (mut pair, id) = silent(2);
    let begin = pair.now;
    pair.cut();
    pair.run_for(4 * SECOND);
    assert_eq!((pair.outcome_of(id), pair.addresses.len()), (None, 2), "the second one has all 5 s");
    pair.run_for(SECOND);
    assert!(pair.outcome_of(id).is_some() && pair.now == begin + 5 * SECOND);
}

#[test]
fn servers_that_are_of_no_use_are_passed_over_at_once_whatever_is_wrong_with_them() {
    let (mut pair, id) = silent(5);
    let begin = pair.now;
    says_not_found(&mut pair, "Bank");
    let offered = vec![Offer { name: "Hall".to_owned(), version: (2, 0) }];
    pair.inject_down(&written(|out| {
        welcome(8).write(out);
        Bound { number: 0, result: BoundResult::OtherVersion { offered } }.write(out);
    }));
    pair.inject_down(b"HTTP/1.1 400 Bad Request\r\n");
    let (code, reason) = (RejectCode::TooMany, "full".to_owned());
    let reject = Reject { code, retry_after_ms: 1000, reason, ..Reject::default() };
    pair.inject_down(&written(|out| reject.write(out)));
    let close = Close { code: CloseCode::GoingAway, reason: "going".to_owned() };
    pair.inject_down(&written(|out| close.write(out)));
    assert_eq!((pair.addresses.as_slice(), pair.now), (&[0, 1, 2, 3, 4][..], begin));
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("none is left") };
    let BindError::NoServer { tried, attempts: 5, retryable: true } = error else { panic!("{error}") };
    let whys: Vec<_> = tried.iter().map(|tried| tried.error.as_str()).collect();
    assert_eq!(whys[..2], ["no service Hall, it offers Bank 1.0", "Hall 1.1 is wanted, it has Hall 2.0"]);
    assert!(whys[2].starts_with("no common protocol: the peer speaks HTTP"), "{}", whys[2]);
    assert_eq!(whys[3..], ["it refuses the connection: full", "closed by the server: going"]);
}

#[test]
fn a_server_that_lacks_the_service_leads_to_one_that_has_it() {
    let (mut pair, id) = silent(2);
    pair.raw = false;
    says_not_found(&mut pair, "Bank");
    assert_eq!((pair.outcome_of(id), pair.addresses.as_slice()), (Some(Ok(())), &[0, 1][..]));
    assert!(pair.wires[&2].is_open_at_the_client() && !pair.wires[&1].is_open_at_the_client());
    pair.call(id, SELL, b"").expect("it is served");
}

#[test]
fn who_asks_in_the_handshake_for_what_the_server_lacks_is_not_told_before_the_others_were_tried() {
    let config = client::Config { addresses: 2, ..Default::default() };
    let mut pair = Pair::with(config, server::Config::default(), vec![&HALL]);
    pair.raw = true;
    let hall = pair.client.bind(pair.now, &HALL);
    pair.client.bind(pair.now, &BANK);
    pair.pump();
    // The answer about the bank is still out.
    says_not_found(&mut pair, "Opera");
    assert_eq!(pair.client.bind(pair.now, &HALL), hall);
    pair.pump();
    assert_eq!(pair.outcome_of(hall), None);
    pair.raw = false;
    pair.cut();
    assert_eq!((pair.outcome_of(hall), pair.addresses.as_slice()), (Some(Ok(())), &[0, 1][..]));
}

#[test]
fn a_list_of_which_no_server_has_the_service_will_not_do_later_either() {
    let (mut pair, id) = silent(2);
    says_not_found(&mut pair, "Bank");
    says_not_found(&mut pair, "Hell");
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("neither has it") };
    assert_eq!(
        error.to_string(),
        "no server can be used: hall:7000: no service Hall, it offers Bank 1.0 (after 0.0ns); \
         hall:7000: no service Hall, it offers Hell 1.0, did you mean Hell? (after 0.0ns)"
    );
    assert!(!error.is_retryable());
}

#[test]
fn a_server_that_has_one_of_two_services_is_not_passed_over() {
    let config = client::Config { addresses: 2, ..Default::default() };
    let mut pair = Pair::with(config, server::Config::default(), vec![&HALL]);
    let (hall, bank) = (pair.client.bind(pair.now, &HALL), pair.client.bind(pair.now, &BANK));
    pair.pump();
    assert_eq!(pair.outcome_of(hall), Some(Ok(())));
    assert!(matches!(pair.outcome_of(bank), Some(Err(BindError::ServiceNotFound { .. }))));
    pair.call(hall, SELL, b"").expect("the hall is open");
    assert_eq!(pair.addresses, [0]);
}

#[test]
fn when_every_server_asks_for_a_pause_the_next_round_waits_for_it() {
    let config = client::Config { addresses: 2, wait_for_server: 10 * SECOND, ..Default::default() };
    let mut pair = Pair::with(config, server::Config::default(), vec![&HALL]);
    pair.raw = true;
    pair.client.bind(pair.now, &HALL);
    pair.pump();
    let reject = Reject { code: RejectCode::TooMany, retry_after_ms: 2000, ..Reject::default() };
    for _ in 0..2 {
        pair.inject_down(&written(|out| reject.write(out)));
    }
    pair.run_for(2 * SECOND - MS);
    assert_eq!(pair.addresses, [0, 1]);
    pair.run_for(100 * MS);
    assert_eq!(pair.addresses, [0, 1, 0]);
}

fn waiting(addresses: usize, window: Duration) -> (Pair, BindingId) {
    let config = client::Config { addresses, wait_for_server: window, ..Default::default() };
    let mut pair = Pair::with(config, server::Config::default(), vec![&HALL]);
    pair.unreachable = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    (pair, id)
}

#[test]
fn a_long_wait_ends_with_its_first_and_last_attempts_and_their_number() {
    let (mut pair, id) = waiting(1, 60 * SECOND);
    pair.run_for(60 * SECOND);
    let Some(Err(BindError::Unreachable { tried, attempts })) = pair.outcome_of(id) else {
        panic!("{:?}", pair.outcome_of(id))
    };
    assert_eq!((tried.len(), attempts), (8, pair.dials.len()));
    assert!(attempts > 8);
}

#[test]
fn of_a_long_wait_for_many_addresses_whole_rounds_are_listed() {
    let (mut pair, id) = waiting(6, 60 * SECOND);
    pair.run_for(60 * SECOND);
    let Some(Err(BindError::Unreachable { tried, attempts })) = pair.outcome_of(id) else { panic!() };
    assert_eq!((tried.len(), attempts), (12, pair.dials.len()));
}

#[test]
fn the_last_attempt_is_made_when_the_wait_is_over() {
    let (mut pair, id) = waiting(1, 20 * SECOND);
    let begin = pair.now;
    pair.run_for(30 * SECOND);
    assert!(pair.outcome_of(id).is_some());
    assert_eq!(*pair.dials.last().expect("it was dialled"), begin + 20 * SECOND);
}

#[test]
fn what_was_tried_for_an_earlier_user_is_not_told_to_a_later_one() {
    let (mut pair, first) = waiting(1, 2 * SECOND);
    pair.run_for(10 * SECOND);
    assert!(pair.outcome_of(first).is_some());
    let dials = pair.dials.len();
    let second = pair.client.bind(pair.now, &BANK);
    pair.run_for(10 * SECOND);
    let Some(Err(BindError::Unreachable { attempts, .. })) = pair.outcome_of(second) else { panic!() };
    assert_eq!(attempts, pair.dials.len() - dials);
}
