//! Is the peer still there? Probes in both directions.

mod support;

use rpc_core::client;
use rpc_core::frame::Kind;
use rpc_core::server::{self, Completion};
use rpc_core::{Error, Execution, Instant};
use support::pipe::Line;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure, payload};

fn pings(stream: &[u8]) -> usize {
    of_kind(stream, Kind::Ping).len()
}

#[test]
fn a_silent_server_with_calls_is_probed_after_a_second_and_dead_0_4_seconds_later() {
    let (mut pair, hall) = Pair::ready();
    pair.run_for(5 * SECOND);
    pair.wire().up.black_hole = true;
    let start = pair.now;
    let key = pair.start(hall, SELL, b"");
    pair.run_for(SECOND - MS);
    assert_eq!(pings(&pair.wire().up.sent), 0);
    pair.run_for(MS);
    assert_eq!(pings(&pair.wire().up.sent), 1);
    pair.run_for(399 * MS);
    assert!(pair.wires[&1].is_open_at_the_client());
    assert_eq!(payload(&pair.end_of(key)), b"", "over the next connection");
    assert_eq!(pair.now, start + 1400 * MS);
    assert!(!pair.wires[&1].is_open_at_the_client());
}

#[test]
fn a_call_that_was_lost_with_a_silent_server_says_how_it_was_lost() {
    let mut pair = Pair::with(Default::default(), Pair::fleeting(), vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.run_for(5 * SECOND);
    pair.wire().up.black_hole = true;
    let error = failure(pair.call(hall, SELL, b""));
    assert_eq!(
        error.to_string(),
        "Hall.sell: the connection to hall:7000 is lost: no answer to a ping for 0.4 s (execution unknown) \
         (request 1-0-1)"
    );
}

#[test]
fn an_idempotent_call_moves_on_when_its_server_is_found_dead() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().down.black_hole = true;
    let start = pair.now;
    let key = pair.start(hall, FREE, b"seats");
    assert_eq!(payload(&pair.end_of(key)), b"seats");
    assert_eq!(pair.now, start + 1400 * MS);
}

#[test]
fn a_slow_line_is_given_the_time_that_its_round_trips_take() {
    let mut pair = Pair::new();
    pair.latency = 700 * MS;
    let hall = pair.client.bind(pair.now, &HALL);
    pair.settle();
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 20 * SECOND);
    pair.run_for(15 * SECOND);
    assert!(!pair.has_ended(key));
    assert_eq!(pair.dials.len(), 1, "a round trip of 1.4 s is no death");
}

#[test]
fn a_server_that_works_long_but_answers_pings_is_not_declared_dead() {
    let (mut pair, hall) = Pair::ready();
    pair.latency = 20 * MS;
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 60 * SECOND);
    pair.run_for(30 * SECOND);
    assert!(pings(&pair.wire().up.sent) >= 25);
    pair.complete(id(0, 1), Completion::Ok(b"at last".to_vec()));
    assert_eq!(payload(&pair.end_of(key)), b"at last");
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_server_that_answers_other_calls_is_not_probed() {
    let (mut pair, hall) = Pair::ready();
    pair.handler = Box::new(|execute| (execute.payload != b"slow").then(|| Completion::Ok(Vec::new())));
    pair.start_within(hall, SELL, b"slow", 60 * SECOND);
    for _ in 0..50 {
        pair.call(hall, SELL, b"").expect("quick");
        pair.run_for(500 * MS);
    }
    assert_eq!(pings(&pair.wire().up.sent), 0);
}

#[test]
fn a_reply_that_trickles_in_slower_than_a_frame_a_second_is_a_sign_of_life() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start_within(hall, SELL, b"", 60 * SECOND);
    pair.wire().down.blocked = true;
    pair.complete(id(0, 1), Completion::Ok(vec![5; 60 << 10]));
    let mut frame = Vec::new();
    let now = pair.now;
    pair.session().poll_transmit(now, server::Lane(0), &mut frame);
    for part in frame.chunks(6 << 10) {
        pair.run_for(900 * MS);
        pair.inject_down(part);
    }
    assert_eq!(payload(&pair.end_of(key)).len(), 60 << 10);
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn idle_connections_are_probed_by_both_sides_every_30_seconds() {
    let (mut pair, _) = Pair::ready();
    pair.run_for(29 * SECOND);
    assert_eq!((pings(&pair.wire().up.sent), pings(&pair.wire().down.sent)), (0, 0));
    pair.run_for(60 * SECOND);
    assert!(pings(&pair.wire().up.sent) >= 1);
    assert!(pings(&pair.wire().down.sent) >= 1);
    let all = pings(&pair.wire().up.sent) + pings(&pair.wire().down.sent);
    assert!((2..=4).contains(&all), "{all}");
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn each_side_probes_an_idle_connection_when_the_other_does_not() {
    let mut long = client::Config::default();
    long.limits.keep_alive = 3600 * SECOND;
    let mut pair = Pair::with(long, Default::default(), vec![&HALL]);
    pair.bind(&HALL);
    pair.run_for(91 * SECOND);
    assert_eq!((pings(&pair.wire().up.sent), pings(&pair.wire().down.sent)), (0, 3));

    let mut long = server::Config::default();
    long.limits.keep_alive = 3600 * SECOND;
    let mut pair = Pair::with(Default::default(), long, vec![&HALL]);
    pair.bind(&HALL);
    pair.run_for(91 * SECOND);
    // One of the server's: that of every minute, by which connection time is set anew.
    assert_eq!((pings(&pair.wire().up.sent), pings(&pair.wire().down.sent)), (3, 1));
}

#[test]
fn a_server_leaves_a_client_that_has_vanished() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    pair.start_within(hall, SELL, b"", 3600 * SECOND);
    pair.wire().up.black_hole = true;
    pair.wire().down.black_hole = true;
    pair.unreachable = true;
    pair.run_for(32 * SECOND);
    assert!(pair.wires[&1].is_closed());
    assert_eq!(pair.stopped, [], "the client may come back");
    pair.run_for(700 * SECOND);
    assert_eq!(pair.stopped, [(id(0, 1), false)], "the lease has ended");
}

#[test]
fn an_idle_client_notices_a_dead_server_and_dials_when_it_is_needed() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.black_hole = true;
    pair.wire().down.black_hole = true;
    pair.run_for(32 * SECOND);
    assert!(!pair.wires[&1].is_open_at_the_client());
    assert_eq!(pair.dials.len(), 1);
    pair.call(hall, SELL, b"").expect("over a new connection");
}

#[test]
fn silence_before_the_first_call_is_not_held_against_the_server() {
    let (mut pair, hall) = Pair::ready();
    pair.run_for(20 * SECOND);
    pair.hold();
    pair.start_within(hall, SELL, b"", 60 * SECOND);
    pair.run_for(999 * MS);
    assert_eq!(pings(&pair.wire().up.sent), 0);
}

#[test]
fn a_call_without_an_answer_ends_at_its_deadline_even_while_pings_are_answered() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let start = pair.now;
    let key = pair.start_within(hall, SELL, b"", 7 * SECOND);
    let error = failure(pair.end_of(key));
    assert!(matches!(error, Error::DeadlineExceeded { execution: Execution::Unknown, .. }), "{error}");
    assert_eq!(pair.now, start + 7 * SECOND);
}

#[test]
fn a_server_that_pings_and_takes_nothing_is_left_before_the_answers_pile_up() {
    let (mut pair, _) = Pair::ready();
    pair.wire().up.blocked = true;
    let flood = written(|out| (0..4000).for_each(|number| rpc_core::frame::Ping { number }.write(out)));
    for _ in 0..100 {
        if pair.wire().is_open_at_the_client() {
            pair.inject_down(&flood);
        }
    }
    assert!(!pair.wire().is_open_at_the_client());
    assert!(pair.client.stats().bytes_in < 4 << 20);
}

/// A pair that was idle for a while and whose line carries 20 KB a second each way from then on; the system's buffers take so
/// many bytes.
fn slow(room: usize) -> (Pair, client::BindingId) {
    slow_between(room, client::Config::default(), server::Config::default())
}

fn slow_between(room: usize, client: client::Config, server: server::Config) -> (Pair, client::BindingId) {
    let mut pair = Pair::with(client, server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.latency = 20 * MS;
    pair.run_for(10 * SECOND);
    let line = || Some(Line { bytes_a_second: 20_000, room, free: Instant(0) });
    let wire = pair.wire();
    (wire.up.line, wire.down.line) = (line(), line());
    (pair, hall)
}

/// From next to nothing to more than the engine hands out in one go.
const ROOMS: [usize; 4] = [1, 16 << 10, 128 << 10, 400 << 10];

#[test]
fn a_slow_upload_is_not_taken_for_a_dead_server() {
    for room in ROOMS {
        let (mut pair, hall) = slow(room);
        pair.handler = Box::new(|_| Some(Completion::Ok(b"stored".to_vec())));
        let key = pair.start_within(hall, SELL, &vec![7; 1 << 20], 600 * SECOND);
        assert_eq!(payload(&pair.end_of(key)), b"stored", "room for {room} bytes");
        assert_eq!(pair.dials.len(), 1);
    }
}

#[test]
fn a_slow_download_is_not_taken_for_a_dead_client() {
    for room in ROOMS {
        let (mut pair, hall) = slow(room);
        pair.handler = Box::new(|_| Some(Completion::Ok(vec![7; 1 << 20])));
        // Long enough for the ping that the server sends every minute, in the middle of the second one.
        for _ in 0..2 {
            let key = pair.start_within(hall, SELL, b"", 600 * SECOND);
            assert_eq!(payload(&pair.end_of(key)).len(), 1 << 20, "room for {room} bytes");
        }
        assert_eq!(pair.dials.len(), 1);
    }
}

#[test]
fn large_messages_both_ways_over_a_slow_line_arrive() {
    for room in ROOMS {
        let (mut pair, hall) = slow(room);
        let keys = [0, 1].map(|_| pair.start_within(hall, SELL, &vec![7; 1 << 20], 600 * SECOND));
        for key in keys {
            assert_eq!(payload(&pair.end_of(key)).len(), 1 << 20, "room for {room} bytes");
        }
        assert_eq!(pair.dials.len(), 1);
    }
}

#[test]
fn a_request_of_one_frame_over_a_slow_line_is_given_the_time_that_it_takes() {
    let (mut pair, hall) = slow(1 << 20);
    let key = pair.start_within(hall, SELL, &[7; 60 << 10], 60 * SECOND);
    assert_eq!(payload(&pair.end_of(key)).len(), 60 << 10);
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_line_slower_than_any_that_is_reckoned_with_is_kept_while_it_takes_more() {
    let (mut pair, hall) = slow(4 << 10);
    let wire = pair.wire();
    for pipe in [&mut wire.up, &mut wire.down] {
        pipe.line.as_mut().expect("it is slow").bytes_a_second = 4_000;
    }
    let key = pair.start_within(hall, SELL, &vec![7; 1 << 20], 3600 * SECOND);
    assert_eq!(payload(&pair.end_of(key)).len(), 1 << 20);
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn a_server_that_vanishes_in_the_middle_of_an_upload_is_found_dead_within_a_keep_alive_and_a_probe() {
    for room in ROOMS {
        // The server's own watch would end the connection too.
        let mut deaf = server::Config::default();
        deaf.limits.keep_alive = 3600 * SECOND;
        let (mut pair, hall) = slow_between(room, client::Config::default(), deaf);
        let key = pair.start_within(hall, SELL, &vec![7; 1 << 20], 600 * SECOND);
        pair.run_for(10 * SECOND);
        pair.wire().up.vanish();
        pair.wire().down.vanish();
        let vanished = pair.now;
        assert!(pair.end_of(key).is_ok(), "over the next connection");
        assert!(pair.now - vanished <= 31_400 * MS, "{:?}, room for {room} bytes", pair.now - vanished);
        assert!(!pair.wires[&1].is_open_at_the_client());
    }
}

/// A line of 10 MB a second, with an upload on it that takes a second and a half, and has been going on for half a second.
fn uploading(room: usize) -> (Pair, client::CallKey) {
    let (mut pair, hall) = slow(room);
    let wire = pair.wire();
    for pipe in [&mut wire.up, &mut wire.down] {
        pipe.line.as_mut().expect("it has a pace").bytes_a_second = 10_000_000;
    }
    pair.handler = Box::new(|_| Some(Completion::Ok(b"stored".to_vec())));
    let key = pair.start_within(hall, SELL, &vec![7; 15 << 20], 600 * SECOND);
    pair.run_for(500 * MS);
    (pair, key)
}

#[test]
fn a_server_that_vanishes_in_the_middle_of_a_fast_upload_is_found_dead_nearly_as_soon_as_any_other() {
    // With less room the line would wait for each packet to arrive, and be slow.
    for room in [128 << 10, 400 << 10] {
        let (mut pair, key) = uploading(room);
        pair.wire().up.vanish();
        pair.wire().down.vanish();
        let vanished = pair.now;
        assert_eq!(payload(&pair.end_of(key)), b"stored", "over the next connection");
        assert!(pair.now - vanished <= 3 * SECOND, "{:?}, room for {room} bytes", pair.now - vanished);
        assert_eq!(pair.dials.len(), 2);
    }
}

#[test]
fn a_line_that_becomes_much_slower_in_the_middle_of_an_upload_is_kept() {
    for room in ROOMS {
        let (mut pair, key) = uploading(room);
        pair.wire().up.line.as_mut().expect("it has a pace").bytes_a_second = 1_500_000;
        assert_eq!(payload(&pair.end_of(key)), b"stored");
        assert_eq!(pair.dials.len(), 1, "room for {room} bytes");
    }
}

#[test]
fn small_calls_bring_no_pings_with_them_however_many_there_are() {
    let (mut pair, hall) = Pair::ready();
    for _ in 0..10_000 {
        pair.call(hall, SELL, &[7; 200]).expect("it is answered");
    }
    assert_eq!(pings(&pair.wire().up.sent), 0);
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_download_is_left_within_a_keep_alive_and_a_probe() {
    for room in ROOMS {
        let mut deaf = client::Config::default();
        (deaf.limits.keep_alive, deaf.limits.probe_after) = (3600 * SECOND, 3600 * SECOND);
        let (mut pair, hall) = slow_between(room, deaf, server::Config::default());
        pair.handler = Box::new(|_| Some(Completion::Ok(vec![7; 1 << 20])));
        pair.start_within(hall, SELL, b"", 600 * SECOND);
        pair.run_for(10 * SECOND);
        pair.wire().up.vanish();
        pair.wire().down.vanish();
        // A server has measured no round trip before its first ping, and waits for a second then.
        pair.run_for(31 * SECOND);
        assert!(pair.wires[&1].is_closed(), "room for {room} bytes");
    }
}

#[test]
fn a_large_message_that_was_answered_is_no_reason_for_more_patience() {
    let (mut pair, hall) = Pair::ready();
    pair.call(hall, SELL, &vec![7; 1 << 20]).expect("it arrives");
    pair.wire().up.black_hole = true;
    let start = pair.now;
    let key = pair.start(hall, SELL, b"");
    assert!(pair.end_of(key).is_ok(), "over the next connection");
    assert_eq!(pair.now, start + 1400 * MS);
}
