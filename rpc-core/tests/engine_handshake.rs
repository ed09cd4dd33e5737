//! From a connection to an agreement: who is let in, what is bound, which methods can be called.

mod support;

use rpc_core::client;
use rpc_core::frame::{BoundMethod, BoundResult, Kind};
use rpc_core::server;
use rpc_core::{BindError, Error, Execution};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn bind_error(pair: &mut Pair) -> BindError {
    let id = pair.client.bind(pair.now, &HALL);
    pair.run_for(10 * SECOND);
    pair.outcome_of(id).expect("the binding is answered").expect_err("it fails")
}

#[test]
fn hello_and_bind_go_out_together_and_requests_wait_for_the_answers() {
    let mut pair = Pair::new();
    pair.latency = 10 * MS;
    let start = pair.now;
    let hall = pair.client.bind(pair.now, &HALL);
    let key = pair.start(hall, SELL, b"seat");
    assert_eq!(kinds(&pair.wire().up.sent), [Kind::Hello, Kind::Bind]);
    pair.run_for(19 * MS);
    assert_eq!(kinds(&pair.wire().up.sent), [Kind::Hello, Kind::Bind]);
    assert_eq!(payload(&pair.end_of(key)), b"seat");
    assert_eq!(pair.now, start + 40 * MS, "one round trip for the handshake, one for the call");
    assert_eq!(kinds(&pair.wire().up.sent), [Kind::Hello, Kind::Bind, Kind::Request]);
    assert_eq!(kinds(&pair.wire().down.sent), [Kind::Welcome, Kind::Bound, Kind::Reply]);
}

#[test]
fn without_a_common_version_of_the_protocol_both_ranges_are_named() {
    let mut pair = Pair::new();
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    let mut hello = hello();
    (hello.protocol_min, hello.protocol_max) = (7, 9);
    let mut handshake = pair.arrival();
    let error = handshake.handle_bytes(&written(|out| hello.write(out))).expect_err("7 is not spoken here");
    pair.inject_down(&server::Handshake::refusal(&error));
    let Some(Err(BindError::ProtocolMismatch { why, .. })) = pair.outcome_of(id) else {
        panic!("{:?}", pair.outcome_of(id))
    };
    assert!(why.contains("this client speaks versions 1 to 1, the server 1 to 1"), "{why}");
    assert!(why.contains("versions 7 to 9"), "{why}");
}

#[test]
fn without_a_common_codec_both_offers_are_named() {
    let server = server::Config { codecs: Vec::new(), ..Default::default() };
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    let BindError::ProtocolMismatch { why, .. } = bind_error(&mut pair) else { panic!() };
    assert!(why.contains("no common codec: the client offers [1]"), "{why}");
}

#[test]
fn beyond_the_limit_of_connections_a_client_is_rejected_and_told_when_to_come_again() {
    let mut server = server::Config::default();
    server.limits.connections_max = 1;
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    pair.arrival();
    let error = bind_error(&mut pair);
    assert!(error.is_retryable());
    let BindError::Rejected { why, retry_after, .. } = error else { panic!("{error}") };
    assert_eq!((why.as_str(), retry_after), ("1 connections are open already", Some(SECOND)));
}

#[test]
fn a_connection_that_has_ended_makes_room_for_another() {
    let mut server = server::Config::default();
    server.limits.connections_max = 1;
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    for _ in 0..3 {
        pair.cut();
        assert_eq!(payload(&pair.call(hall, SELL, b"x")), b"x");
    }
    assert_eq!(pair.server_stats().connections, 1);
}

#[test]
fn a_draining_server_rejects_new_sessions() {
    let mut pair = Pair::new();
    pair.endpoint.drain();
    let BindError::Rejected { why, retry_after, .. } = bind_error(&mut pair) else { panic!() };
    assert_eq!((why.as_str(), retry_after), ("the server is going away", Some(SECOND)));
}

#[test]
fn a_server_that_never_answers_is_left_at_the_handshakes_limit() {
    let mut pair = Pair::new();
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.run_for(5 * SECOND - MS);
    assert_eq!(pair.outcome_of(id), None);
    pair.run_for(MS);
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("it has ended") };
    let says = "the connection to hall:7000 ended before the binding was agreed: no answer to the handshake within 5.0s";
    assert_eq!(error.to_string(), says);
    assert!(!pair.wire().is_open_at_the_client());
}

#[test]
fn a_server_that_answers_the_hello_but_never_the_bind_is_left_at_the_limit_too() {
    let mut pair = Pair::new();
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    pair.inject_down(&written(|out| welcome(8).write(out)));
    pair.run_for(5 * SECOND);
    assert!(matches!(pair.outcome_of(id), Some(Err(BindError::Interrupted { .. }))));
}

#[test]
fn a_client_that_never_says_hello_is_left_at_the_handshakes_limit() {
    let mut pair = Pair::new();
    let handshake = pair.arrival();
    assert_eq!(handshake.deadline(), pair.now + 5 * SECOND);
    assert_eq!(kinds(&server::Handshake::timed_out()), [Kind::Close]);
}

#[test]
fn a_server_that_closes_instead_of_a_welcome_is_reported_with_its_reason() {
    let mut pair = Pair::new();
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    pair.inject_down(&server::Handshake::timed_out());
    let Some(Err(error)) = pair.outcome_of(id) else { panic!("it has ended") };
    assert!(matches!(error, BindError::Interrupted { .. }) && error.is_retryable(), "{error}");
    let says = "the connection to hall:7000 ended before the binding was agreed: closed by the server: no Hello came in time";
    assert_eq!(error.to_string(), says);
}

#[test]
fn an_answer_in_http_is_shown_in_the_error() {
    let mut pair = Pair::new();
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    pair.inject_down(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let Some(Err(BindError::ProtocolMismatch { address, why })) = pair.outcome_of(id) else { panic!() };
    assert_eq!(address, "hall:7000");
    assert!(
        why.contains(
            "the peer speaks HTTP, not Carnegie's protocol: its first bytes are \"HTTP/1.1 400 Bad Request"
        ),
        "{why}"
    );
}

#[test]
fn two_services_share_one_connection_and_one_session() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&BANK, &HALL]);
    let (hall, bank) = (pair.client.bind(pair.now, &HALL), pair.client.bind(pair.now, &BANK));
    pair.settle();
    let (sold, paid) = (pair.start(hall, SELL, b"s"), pair.start(bank, 0, b"p"));
    let (sold, paid) = (pair.end_of(sold), pair.end_of(paid));
    assert_eq!((payload(&sold), payload(&paid)), (&b"s"[..], &b"p"[..]));
    assert_eq!(pair.dials.len(), 1);
    let served: Vec<_> = pair.executed.iter().map(|e| (e.execute.service, e.execute.method)).collect();
    assert_eq!(served, [(1, SELL), (0, 0)], "the server's own indices");
    let sessions: Vec<_> = pair.executed.iter().map(|e| e.execute.request_id.session).collect();
    assert_eq!(sessions[0], sessions[1]);
}

#[test]
fn a_missing_service_is_answered_with_what_there_is() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&BANK, &HALL_2]);
    let id = pair.client.bind(pair.now, &support::services::OPERA);
    pair.settle();
    let Some(Err(error)) = pair.outcome_of(id) else { panic!() };
    assert_eq!(
        error.to_string(),
        "the server at hall:7000 has no service Opera; it offers: Bank 3.2; Hall 2.0"
    );
}

#[test]
fn another_major_version_is_named() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&BANK, &HALL_2]);
    let error = bind_error(&mut pair);
    assert_eq!(error.to_string(), "Hall 1.1 is wanted, but the server at hall:7000 has Hall 2.0");
}

#[test]
fn a_server_may_offer_two_majors_side_by_side() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_2, &HALL]);
    let (one, two) = (pair.bind(&HALL), pair.bind(&HALL_2));
    pair.call(one, SELL, b"").expect("version 1");
    pair.call(two, SELL, b"").expect("version 2");
    let served: Vec<_> = pair.executed.iter().map(|e| e.execute.service).collect();
    assert_eq!(served, [1, 0]);
}

#[test]
fn a_failed_binding_leaves_the_other_services_usable() {
    let (mut pair, hall) = Pair::ready();
    let bank = pair.client.bind(pair.now, &BANK);
    pair.settle();
    assert!(matches!(pair.outcome_of(bank), Some(Err(BindError::ServiceNotFound { .. }))));
    pair.call(hall, SELL, b"").expect("the hall is open");
    let error = failure(pair.call(bank, 0, b""));
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}

#[test]
fn a_method_that_is_newer_than_the_server_is_known_to_be_missing_at_once() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_1_0]);
    let hall = pair.bind(&HALL);
    assert!(pair.client.supports(hall, SELL).is_ok());
    assert!(pair.client.supports(hall, REFUND).is_err());
    let written = pair.wire().up.sent.len();
    let key = pair.start(hall, REFUND, b"");
    assert_eq!(pair.ended_at(key), Some(pair.now), "nothing is asked");
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::NotExecuted);
    assert_eq!(
        error.to_string(),
        "the server at hall:7000 has no method Hall.refund (Hall 1.0): it is there since 1.1; this client was \
         compiled against Hall 1.1; update the server (not executed)"
    );
    assert_eq!(pair.wire().up.sent.len(), written);
    pair.call(hall, SELL, b"").expect("all others work");
}

#[test]
fn a_reordered_trait_calls_the_right_methods() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_REORDERED]);
    let hall = pair.bind(&HALL);
    pair.call(hall, SELL, b"").expect("it is there");
    assert_eq!(pair.executed[0].execute.method, 2);
    assert!(!pair.executed[0].execute.idempotent);
}

#[test]
fn a_changed_signature_disables_that_method_alone() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_WIDE]);
    let hall = pair.bind(&HALL);
    let error = failure(pair.call(hall, FREE, b""));
    assert!(matches!(error, Error::SignatureMismatch { method: "Hall.free", .. }), "{error}");
    assert_eq!(error.execution(), Execution::NotExecuted);
    pair.call(hall, SELL, b"").expect("all others work");
    pair.call(hall, REFUND, b"").expect("all others work");
}

#[test]
fn a_method_that_the_client_would_repeat_but_the_server_may_not_is_disabled() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL_ONCE]);
    let hall = pair.bind(&HALL);
    assert!(matches!(failure(pair.call(hall, FREE, b"")), Error::SignatureMismatch { .. }));
    pair.call(hall, SELL, b"").expect("all others work");
}

#[test]
fn a_method_that_the_client_holds_for_at_most_once_is_recorded_though_the_server_would_repeat_it() {
    let mut pair = Pair::new();
    let hall = pair.bind(&HALL_ONCE);
    pair.call(hall, FREE, b"").expect("it is usable");
    assert!(!pair.executed[0].execute.idempotent);
    let copy = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
    pair.inject_up(&copy);
    assert_eq!(pair.executed.len(), 1, "a copy is answered from the record");
}

#[test]
fn a_service_is_bound_later_on_the_connection_that_is_there() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL, &BANK]);
    pair.latency = 5 * MS;
    let hall = pair.bind(&HALL);
    pair.call(hall, SELL, b"").expect("it works");
    let bank = pair.bind(&BANK);
    assert_eq!(payload(&pair.call(bank, 0, b"coin")), b"coin");
    assert_eq!(payload(&pair.call(hall, REFUND, b"seat")), b"seat");
    assert_eq!(pair.dials.len(), 1);
    let last = &pair.executed[pair.executed.len() - 2].execute;
    assert_eq!((last.service, last.method), (1, 0));
}

#[test]
fn in_a_new_session_all_services_are_bound_again_before_any_call_is_written() {
    let mut pair = Pair::with(Default::default(), Pair::fleeting(), vec![&HALL, &BANK]);
    pair.latency = 5 * MS;
    let (hall, bank) = (pair.bind(&HALL), pair.bind(&BANK));
    pair.cut();
    assert_eq!(payload(&pair.call(bank, 0, b"coin")), b"coin");
    assert_eq!(payload(&pair.call(hall, SELL, b"seat")), b"seat");
    let order = kinds(&pair.wire().up.sent);
    assert_eq!(order, [Kind::Hello, Kind::Bind, Kind::Bind, Kind::Request, Kind::Request]);
    assert_eq!(pair.bound.len(), 2, "the user hears of the first agreement alone");
}

#[test]
fn a_service_that_a_restarted_server_lacks_can_be_called_again_once_it_is_back() {
    let (mut pair, hall) = Pair::ready();
    pair.restart(Default::default(), vec![&BANK]);
    let error = failure(pair.call(hall, SELL, b""));
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    pair.restart(Default::default(), vec![&HALL]);
    pair.call(hall, SELL, b"").expect("the service is back");
}

#[test]
fn a_method_that_a_restarted_server_lacks_can_be_called_again_once_it_is_back() {
    let (mut pair, hall) = Pair::ready();
    pair.restart(Default::default(), vec![&HALL_1_0]);
    pair.call(hall, SELL, b"").expect("it binds anew");
    assert!(matches!(failure(pair.call(hall, REFUND, b"")), Error::Unimplemented { .. }));
    pair.restart(Default::default(), vec![&HALL]);
    pair.call(hall, SELL, b"").expect("it binds anew");
    pair.call(hall, REFUND, b"").expect("the method is back");
}

#[test]
fn an_answer_to_a_binding_that_was_not_asked_for_ends_the_connection() {
    let (mut pair, hall) = Pair::ready();
    let result =
        BoundResult::Accepted { version: (1, 1), methods: vec![BoundMethod::Usable; 3], types: Vec::new() };
    pair.inject_down(&written(|out| rpc_core::frame::Bound { number: 0, result }.write(out)));
    assert!(!pair.wire().is_open_at_the_client());
    pair.call(hall, SELL, b"").expect("over a new connection");
}

#[test]
fn a_binding_with_too_few_answers_is_refused() {
    let mut pair = Pair::new();
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    let result =
        BoundResult::Accepted { version: (1, 1), methods: vec![BoundMethod::Usable], types: Vec::new() };
    pair.inject_down(&written(|out| {
        welcome(8).write(out);
        rpc_core::frame::Bound { number: 0, result }.write(out);
    }));
    let Some(Err(BindError::ProtocolMismatch { why, .. })) = pair.outcome_of(id) else { panic!() };
    assert_eq!(why, "3 methods were asked for, 1 answered");
}

#[test]
fn a_first_binding_waits_for_a_server_as_long_as_it_was_told_to() {
    let config = client::Config { wait_for_server: 2 * SECOND, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.unreachable = true;
    let late = pair.client.bind(pair.now, &HALL);
    pair.run_for(SECOND);
    assert_eq!(pair.outcome_of(late), None);
    pair.unreachable = false;
    pair.run_for(SECOND);
    assert_eq!(pair.outcome_of(late), Some(Ok(())));
}

#[test]
fn a_first_binding_without_a_server_fails_when_its_window_is_over() {
    let config = client::Config { wait_for_server: 2 * SECOND, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.unreachable = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.run_for(5 * SECOND);
    assert!(matches!(pair.outcome_of(id), Some(Err(BindError::Unreachable { .. }))));
}

#[test]
fn closing_the_channel_ends_a_binding_that_waits_for_a_server() {
    let config = client::Config { wait_for_server: 60 * SECOND, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.unreachable = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.run_for(SECOND);
    pair.client.close(pair.now);
    pair.pump();
    assert_eq!(pair.outcome_of(id), Some(Err(BindError::Closed)));
}

#[test]
fn closing_the_channel_in_the_middle_of_a_handshake_ends_its_bindings() {
    let config = client::Config { wait_for_server: 60 * SECOND, ..Default::default() };
    let mut pair = Pair::with(config, Default::default(), vec![&HALL]);
    pair.raw = true;
    let id = pair.client.bind(pair.now, &HALL);
    pair.pump();
    pair.client.close(pair.now);
    pair.pump();
    assert_eq!(pair.outcome_of(id), Some(Err(BindError::Closed)));
    assert!(!pair.wire().is_open_at_the_client());
}

#[test]
fn a_service_that_is_asked_for_while_the_server_drains_is_bound_over_the_next_connection() {
    let mut pair = Pair::with(Default::default(), Default::default(), vec![&HALL, &BANK]);
    let hall = pair.bind(&HALL);
    pair.hold();
    let key = pair.start(hall, SELL, b"last");
    let now = pair.now;
    pair.session().drain(now, "a new version is rolled out");
    pair.pump();
    let bank = pair.client.bind(pair.now, &BANK);
    let at = pair.executed[0].execute.at;
    pair.complete(at, server::Completion::Ok(b"done".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"done");
    pair.run_for(SECOND);
    assert_eq!(pair.outcome_of(bank), Some(Ok(())));
    assert_eq!(pair.dials.len(), 2);
}

#[test]
fn a_server_that_breaks_off_after_its_welcome_is_not_dialled_in_a_loop() {
    let (mut pair, hall) = Pair::ready();
    pair.raw = true;
    pair.cut();
    let key = pair.start_within(hall, SELL, b"", SECOND);
    let dials = pair.dials.len();
    while !pair.has_ended(key) {
        let mut turns = 0;
        while pair.wire().is_open_at_the_client() {
            pair.inject_down(&written(|out| welcome(8).write(out)));
            pair.cut();
            turns += 1;
            assert!(turns < 100, "the client dials without a pause");
        }
        let most = pair.now + 10 * SECOND;
        pair.step(most);
    }
    let dials = pair.dials.len() - dials;
    assert!((2..=12).contains(&dials), "{dials} dials in a second");
}

#[test]
fn the_server_is_told_why_a_client_leaves() {
    let (mut pair, _) = Pair::ready();
    pair.client.close(pair.now);
    pair.pump();
    let close = of_kind(&pair.wire().up.sent, Kind::Close);
    assert!(String::from_utf8_lossy(&close[0]).contains("the client closes the channel"));
    assert!(pair.wire().is_closed());
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_so() {
    let (mut pair, _) = Pair::ready();
    pair.inject_down(&written(|out| hello().write(out)));
    let close = of_kind(&pair.wire().up.sent, Kind::Close);
    assert!(String::from_utf8_lossy(&close[0]).contains("a Hello frame was not expected by a client"));
}
