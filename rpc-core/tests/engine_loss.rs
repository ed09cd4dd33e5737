//! Connections that break: what becomes of the calls, and when the client dials again.

mod support;

use rpc_core::client::{self, BindingId, CallKey};
use rpc_core::frame::Kind;
use rpc_core::server::Completion;
use rpc_core::{BindError, Error, Execution, Instant};
use std::time::Duration;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

/// A pair whose server forgets its sessions with their connections.
fn fleeting() -> (Pair, BindingId) {
    let mut pair = Pair::with(Default::default(), Pair::fleeting(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    (pair, hall)
}

#[test]
fn calls_that_were_never_written_move_to_the_next_connection() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let keys: Vec<CallKey> = (0..3).map(|n| pair.start(hall, SELL, &[n])).collect();
    pair.run_for(100 * MS);
    pair.cut();
    for (n, key) in keys.into_iter().enumerate() {
        assert_eq!(payload(&pair.end_of(key)), [n as u8]);
    }
    assert_eq!((pair.executed.len(), pair.client.stats().retried), (3, 0));
}

#[test]
fn a_large_request_that_waits_behind_others_moves_to_the_next_connection() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let key = pair.start(hall, SELL, &vec![7; 300 << 10]);
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)).len(), 300 << 10);
    assert_eq!(pair.executed.len(), 1);
}

#[test]
fn a_large_request_of_which_a_part_was_written_is_unknown_once_its_session_has_ended() {
    let (mut pair, hall) = fleeting();
    pair.wire().up.cut_at = Some(100 << 10);
    let key = pair.start(hall, SELL, &vec![7; 5 << 20]);
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::ConnectionLost { execution: Execution::Unknown, .. }), "{error}");
    assert!(pair.executed.is_empty());
}

#[test]
fn a_written_at_most_once_call_whose_session_has_ended_is_unknown_and_is_not_sent_again() {
    let (mut pair, hall) = fleeting();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    let id = pair.executed[0].execute.request_id;
    pair.cut();
    let error = failure(pair.end_of(key));
    assert_eq!((error.execution(), error.request_id()), (Execution::Unknown, Some(id)));
    assert_eq!(
        error.to_string(),
        "Hall.sell: the connection to hall:7000 is lost: connection reset by peer (execution unknown) (request 1-0-1)"
    );
    pair.run_for(30 * SECOND);
    assert_eq!(pair.executed.len(), 1);
    assert_eq!((pair.client.stats().unknown, pair.client.stats().retried), (1, 0));
    assert_eq!(pair.dials.len(), 1, "nobody wants a connection now");
}

#[test]
fn a_request_that_was_not_handed_out_when_the_client_ends_the_connection_is_written_nowhere_else() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let key = pair.start(hall, SELL, b"once");
    // The server breaks the protocol: the client leaves, and takes the call along.
    let newest = pair.newest();
    pair.client.handle_bytes(pair.now, client::ConnectionId(newest), &written(|out| hello().write(out)));
    pair.wire().up.blocked = false;
    pair.pump();
    assert_eq!(payload(&pair.end_of(key)), b"once");
    assert_eq!(pair.executed.len(), 1, "{:?}", pair.executed);
}

#[test]
fn a_request_that_was_not_handed_out_when_the_channel_is_closed_is_never_written() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let key = pair.start(hall, SELL, b"never");
    pair.client.close(pair.now);
    pair.wire().up.blocked = false;
    pair.pump();
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::NotExecuted);
    pair.run_for(SECOND);
    assert!(pair.executed.is_empty());
}

#[test]
fn an_idempotent_call_is_sent_in_at_most_four_sessions() {
    let (mut pair, hall) = fleeting();
    pair.hold();
    let key = pair.start_within(hall, FREE, b"", 60 * SECOND);
    for times in 1..=4 {
        pair.run_for(SECOND);
        assert_eq!((pair.executed.len(), pair.has_ended(key)), (times, false));
        pair.cut();
    }
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::ConnectionLost { execution: Execution::Unknown, .. }), "{error}");
    pair.run_for(60 * SECOND);
    assert_eq!((pair.executed.len(), pair.client.stats().retried), (4, 3));
}

#[test]
fn an_idempotent_call_that_is_sent_again_gets_its_answer() {
    let (mut pair, hall) = fleeting();
    pair.hold();
    let key = pair.start(hall, FREE, b"seats");
    pair.cut();
    pair.run_for(SECOND);
    let at = pair.executed[1].execute.at;
    pair.complete(at, Completion::Ok(b"7".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"7");
    let sessions: Vec<_> = pair.executed.iter().map(|e| e.execute.request_id.session).collect();
    assert_ne!(sessions[0], sessions[1]);
}

/// A pair with an idempotent call that was written, and whose connection has broken, and the session with it.
fn in_doubt() -> (Pair, BindingId, CallKey) {
    let (mut pair, hall) = fleeting();
    pair.hold();
    let key = pair.start_within(hall, FREE, b"", 2 * SECOND);
    pair.unreachable = true;
    pair.cut();
    assert!(!pair.has_ended(key));
    pair.unreachable = false;
    (pair, hall, key)
}

#[test]
fn an_idempotent_call_in_doubt_that_is_refused_later_stays_unknown() {
    let (mut pair, _, key) = in_doubt();
    pair.handler = Box::new(|_| {
        Some(Completion::NotStarted { code: rpc_core::Code::InvalidArgument, reason: "?".into() })
    });
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn an_idempotent_call_in_doubt_that_finds_no_server_again_stays_unknown() {
    let (mut pair, _, key) = in_doubt();
    pair.unreachable = true;
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
    assert_eq!(pair.client.stats().unknown, 1);
}

#[test]
fn an_idempotent_call_in_doubt_that_meets_another_signature_stays_unknown() {
    let (mut pair, _, key) = in_doubt();
    pair.restart(Default::default(), vec![&HALL_WIDE]);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn an_idempotent_call_in_doubt_that_finds_its_service_gone_stays_unknown() {
    let (mut pair, _, key) = in_doubt();
    pair.restart(Default::default(), vec![&BANK]);
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn an_idempotent_call_in_doubt_that_meets_another_protocol_stays_unknown() {
    let (mut pair, _, key) = in_doubt();
    pair.raw = true;
    pair.run_for(100 * MS);
    pair.inject_down(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn an_idempotent_call_in_doubt_that_the_channel_is_closed_on_stays_unknown() {
    let (mut pair, _, key) = in_doubt();
    pair.client.close(pair.now);
    pair.pump();
    assert_eq!(failure(pair.end_of(key)).execution(), Execution::Unknown);
}

#[test]
fn a_call_that_waits_for_a_server_in_vain_says_why_there_is_none() {
    let (mut pair, hall) = Pair::ready();
    pair.unreachable = true;
    pair.cut();
    let start = pair.now;
    let key = pair.start_within(hall, SELL, b"", SECOND);
    let error = failure(pair.end_of(key));
    assert_eq!(pair.now, start + SECOND, "it waits inside its deadline");
    let Error::Unavailable { source, .. } = &error else { panic!("{error}") };
    assert!(matches!(**source, BindError::Unreachable { .. }));
    assert!(error.is_retryable());
}

#[test]
fn nobody_dials_for_calls_that_have_ended() {
    let (mut pair, hall) = Pair::ready();
    pair.unreachable = true;
    pair.cut();
    let key = pair.start_within(hall, SELL, b"", SECOND);
    failure(pair.end_of(key));
    pair.run_for(60 * SECOND);
    let dials = pair.dials.len();
    pair.run_for(3600 * SECOND);
    assert_eq!(pair.dials.len(), dials);
}

#[test]
fn redials_slow_down_within_their_bounds() {
    let (mut pair, hall) = Pair::ready();
    pair.run_for(2 * SECOND);
    pair.unreachable = true;
    pair.cut();
    pair.dials.clear();
    let lost = pair.now;
    pair.start_within(hall, SELL, b"", 1000 * SECOND);
    pair.run_for(400 * SECOND);
    assert_eq!(pair.dials[0], lost, "at once after a connection that had worked");
    let pauses: Vec<Duration> = pair.dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut full = Duration::from_millis(50);
    for (n, pause) in pauses.iter().enumerate() {
        assert!((full / 2..=full).contains(pause), "pause {n} is {pause:?}, not {:?} to {full:?}", full / 2);
        full = (full * 8 / 5).min(30 * SECOND);
    }
    assert!(pauses.len() > 20, "{}", pauses.len());
    assert_eq!(full, 30 * SECOND);
}

#[test]
fn a_connection_that_ended_soon_is_not_dialled_again_at_once() {
    let (mut pair, hall) = Pair::ready();
    pair.cut();
    pair.dials.clear();
    let lost = pair.now;
    pair.start_within(hall, SELL, b"", SECOND);
    pair.run_for(SECOND);
    assert!((25 * MS..=50 * MS).contains(&(pair.dials[0] - lost)), "{:?}", pair.dials[0] - lost);
}

#[test]
fn different_clients_redial_at_different_times() {
    let times: Vec<Instant> = (0..8)
        .map(|seed| {
            let mut pair = Pair::new();
            pair.client = client::Client::new(
                client::Config { wait_for_server: 60 * SECOND, ..Default::default() },
                0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1),
            );
            pair.unreachable = true;
            pair.client.bind(pair.now, &HALL);
            pair.run_for(200 * MS);
            pair.dials[1]
        })
        .collect();
    let mut distinct = times.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() >= 6, "{times:?}");
}

#[test]
fn a_server_that_goes_away_answers_what_runs_and_gets_nothing_new() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let running = pair.start(hall, SELL, b"running");
    let now = pair.now;
    pair.session().drain(now, "a new version is rolled out");
    pair.pump();
    let next = pair.start(hall, SELL, b"next");
    assert_eq!(pair.executed.len(), 1, "no new calls here");
    pair.run_for(SECOND);
    assert_eq!(pair.executed[1].connection, 2, "it has dialled again for what waits");
    let (first, second) = (pair.executed[0].execute.request_id, pair.executed[1].execute.request_id);
    assert_ne!(first.session, second.session);
    pair.complete_in(second.session, second.at, Completion::Ok(Vec::new()));
    assert!(pair.end_of(next).is_ok());
    assert!(pair.wires[&1].is_open_at_the_client() && !pair.has_ended(running));
    pair.complete_in(first.session, first.at, Completion::Ok(b"done".to_vec()));
    assert_eq!(payload(&pair.end_of(running)), b"done");
    assert!(!pair.wires[&1].is_open_at_the_client(), "the client leaves when its slots are free");
    assert!(pair.wires[&2].is_open_at_the_client());
}

#[test]
fn a_client_leaves_a_server_that_goes_away_only_when_its_fences_are_answered() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    let now = pair.now;
    pair.session().drain(now, "");
    pair.give_up(key);
    pair.run_for(SECOND);
    assert!(pair.wire().is_open_at_the_client());
    let at = pair.executed[0].execute.at;
    pair.complete(at, Completion::Ok(Vec::new()));
    assert!(!pair.wire().is_open_at_the_client());
}

#[test]
fn an_idle_client_leaves_a_server_that_goes_away_at_once() {
    let (mut pair, hall) = Pair::ready();
    let now = pair.now;
    pair.session().drain(now, "");
    pair.pump();
    assert!(!pair.wire().is_open_at_the_client());
    assert_eq!(pair.dials.len(), 1, "nobody waits");
    pair.call(hall, SELL, b"").expect("over a new connection");
}

#[test]
fn a_server_that_closes_says_why() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    let now = pair.now;
    pair.session().close(now, "the grace is over");
    pair.settle();
    let error = failure(pair.end_of(key));
    assert_eq!(error.execution(), Execution::Unknown);
    assert!(error.to_string().contains("closed by the server: the grace is over"), "{error}");
}

#[test]
fn a_cut_in_the_middle_of_a_frame_has_that_frame_alone_written_again() {
    let (mut pair, hall) = Pair::ready();
    let sent = pair.wire().up.sent.len();
    // The first request arrives whole, the second but for its last byte.
    pair.wire().up.cut_at = Some(sent + 2 * 28 - 1);
    let keys = [pair.start(hall, SELL, b"1234"), pair.start(hall, SELL, b"5678")];
    let results = keys.map(|key| pair.end_of(key));
    assert_eq!((payload(&results[0]), payload(&results[1])), (&b"1234"[..], &b"5678"[..]));
    let attempts: Vec<_> = pair.executed.iter().map(|e| (e.connection, e.execute.attempt)).collect();
    assert_eq!(attempts, [(1, 1), (2, 2)]);
}

#[test]
fn a_reply_that_is_lost_comes_again_over_the_next_connection() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().down.black_hole = true;
    let key = pair.start(hall, SELL, b"sold");
    assert_eq!(pair.executed.len(), 1);
    assert_eq!(kinds(&pair.wire().down.sent).last(), Some(&Kind::Reply));
    pair.cut();
    assert_eq!(payload(&pair.end_of(key)), b"sold");
    assert_eq!((pair.executed.len(), pair.client.stats().replayed), (1, 1));
}
