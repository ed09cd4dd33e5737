//! More is asked of a server than it has: what it refuses, whom it lets wait, and what it never refuses.

mod support;

use rpc_core::frame::{Answer, Checksum, Chunk, Kind, Refusal, RejectCode};
use rpc_core::server::{Arrival, Completion, Config};
use rpc_core::{Code, Limits, SlotId};
use std::time::Duration;
use support::host::*;
use support::services::*;
use support::wire::*;
use support::{MS, PEER, SECOND};

const OTHER: &str = "10.0.0.2";

fn server(limits: Limits) -> Host {
    Host::with(Config { limits, ..Config::default() })
}

/// Asks for handlers in these slots.
fn ask_for(host: &mut Host, at: At, slots: std::ops::Range<u32>) {
    for slot in slots {
        host.send(at, &ask(id(slot, 1), SELL, b"seat"));
    }
}

/// What was refused since the last look: which, why, and when to come again. Nothing else was answered.
fn refused(host: &mut Host, at: At) -> Vec<(SlotId, Code, String, u32)> {
    host.read(at, |reply| {
        assert_eq!(reply.answer, Answer::Refused);
        let Refusal { code, reason } = Refusal::read(reply.payload).expect("sound");
        (reply.id, code, reason, reply.retry_after)
    })
}

fn sold() -> Completion {
    Completion::Ok(b"ticket".to_vec())
}

#[test]
fn no_more_handlers_run_than_may_and_the_others_start_when_one_has_ended() {
    let mut host = server(Limits::default().executing_max(2));
    let (at, welcome) = host.open();
    ask_for(&mut host, at, 0..5);
    assert_eq!(host.begin(), [id(0, 1), id(1, 1)]);
    assert_eq!(host.begin(), []);
    host.complete(&welcome, id(1, 1), sold());
    assert_eq!(host.begin(), [id(2, 1)]);
    for slot in [0, 2] {
        host.complete(&welcome, id(slot, 1), sold());
    }
    assert_eq!(host.begin(), [id(3, 1), id(4, 1)]);
}

#[test]
fn a_peer_that_has_all_of_its_handlers_running_does_not_keep_others_waiting() {
    let mut host = server(Limits::default().executing_max(3).executing_per_peer(2));
    let (greedy, _) = host.open();
    let (modest, _) = host.open_from(OTHER);
    ask_for(&mut host, greedy, 0..4);
    assert_eq!(host.begin(), [id(0, 1), id(1, 1)]);
    ask_for(&mut host, modest, 7..9);
    assert_eq!(host.begin(), [id(7, 1)], "the last place of the server");
}

#[test]
fn what_finds_no_place_to_wait_is_refused_with_when_to_come_again() {
    let mut host = server(Limits::default().executing_max(1).queued_max(2));
    let (at, _) = host.open();
    ask_for(&mut host, at, 0..1);
    assert_eq!(host.begin(), [id(0, 1)]);
    ask_for(&mut host, at, 1..5);
    let reason = "the server is full: no room for more requests that wait for their turn".to_owned();
    let refusal = |slot| (id(slot, 1), Code::ResourceExhausted, reason.clone(), 50);
    assert_eq!(refused(&mut host, at), [refusal(3), refusal(4)]);
    assert_eq!(host.endpoint.stats().queued, 2);
}

#[test]
fn a_burst_that_comes_when_nothing_runs_finds_the_places_to_run_as_well() {
    let mut host = server(Limits::default().executing_max(4).queued_max(2));
    let (at, _) = host.open();
    ask_for(&mut host, at, 0..7);
    assert_eq!(refused(&mut host, at).len(), 1);
    assert_eq!(host.begin().len(), 4);
}

#[test]
fn a_peer_that_has_all_of_its_places_to_wait_leaves_those_of_others() {
    let limits = Limits::default().executing_max(1).executing_per_peer(1);
    let mut host = server(limits.queued_max(3).queued_per_peer(2));
    let (greedy, _) = host.open();
    let (modest, _) = host.open_from(OTHER);
    ask_for(&mut host, greedy, 0..4);
    let [(last, _, reason, _)] = &refused(&mut host, greedy)[..] else { panic!("one is refused") };
    assert_eq!(*last, id(3, 1));
    assert!(reason.starts_with("this client's part of the server is full"), "{reason}");
    ask_for(&mut host, modest, 0..1);
    assert_eq!(host.kinds(modest), []);
}

#[test]
fn copies_and_cancels_are_answered_however_full_it_is() {
    let mut host = server(Limits::default().executing_max(1).queued_max(1));
    let (at, welcome) = host.open();
    ask_for(&mut host, at, 0..1);
    host.begin();
    ask_for(&mut host, at, 1..2);
    // A copy of what runs, of what waits, and a fence for one that never came.
    ask_for(&mut host, at, 0..2);
    assert_eq!(host.kinds(at), []);
    host.send(at, &cancel(id(9, 1), false));
    assert_eq!(host.answers(at), [(id(9, 1), Answer::Fenced)]);
    host.complete(&welcome, id(0, 1), sold());
    assert_eq!(host.answers(at), [(id(0, 1), Answer::Ok)]);
}

#[test]
fn a_place_to_wait_is_free_again_whatever_becomes_of_its_request() {
    let mut host = server(Limits::default().queued_max(1));
    let (at, welcome) = host.open();
    // It starts; it is cancelled, and the driver asks for it all the same; it is too late.
    for slot in 0..3 {
        let late = if slot == 2 { 1 } else { 60_000 };
        host.send(at, &ask_with(id(slot, 1), SELL, b"seat", |request| request.deadline = late));
        assert_eq!(host.endpoint.stats().queued, 1);
        match slot {
            1 => host.send(at, &cancel(id(slot, 1), false)),
            2 => host.pass(10 * MS),
            _ => {}
        }
        host.begin();
        assert_eq!(host.endpoint.stats().queued, 0, "{slot}");
    }
    host.complete(&welcome, id(0, 1), sold());
    // The session ends with a request in it.
    ask_for(&mut host, at, 5..6);
    let now = host.now;
    host.session(&welcome).close(now, "over");
    host.drain();
    host.begin();
    let stats = host.endpoint.stats();
    assert_eq!((stats.queued, stats.executing, stats.bytes_held), (0, 0, 0));
}

#[test]
fn handlers_that_a_session_leaves_behind_keep_their_places_until_they_end() {
    let mut host = server(Limits::default().executing_max(1));
    let (at, welcome) = host.open();
    ask_for(&mut host, at, 0..1);
    host.begin();
    let now = host.now;
    let mut left = host.sessions.remove(&welcome.session).expect("it lives");
    left.close(now, "over");
    while !matches!(left.poll_output(), rpc_core::server::Output::Wait(_)) {}
    assert_eq!(host.endpoint.stats().executing, 1);
    left.complete(now, id(0, 1), sold());
    while !matches!(left.poll_output(), rpc_core::server::Output::Wait(_)) {}
    assert_eq!(host.endpoint.stats().executing, 0);
}

#[test]
fn a_handler_that_was_dropped_with_its_session_frees_no_place_of_another_when_its_end_is_told() {
    let mut host = server(Limits::default().executing_max(2));
    let (at, welcome) = host.open();
    ask_for(&mut host, at, 0..1);
    host.send(at, &ask(id(1, 1), FREE, b"seat"));
    assert_eq!(host.begin(), [id(0, 1), id(1, 1)]);
    let now = host.now;
    let mut left = host.sessions.remove(&welcome.session).expect("it lives");
    left.close(now, "over");
    for (ended, run) in [(id(1, 1), 1), (id(0, 1), 0)] {
        left.complete(now, ended, sold());
        while !matches!(left.poll_output(), rpc_core::server::Output::Wait(_)) {}
        assert_eq!(host.endpoint.stats().executing, run);
    }
}

#[test]
fn requests_beyond_the_servers_bytes_are_refused_until_others_have_ended() {
    let mut host = server(Limits::default().message_max(1000).bytes_max(1500));
    let (at, welcome) = host.open();
    host.send(at, &ask(id(0, 1), SELL, &[1; 1000]));
    host.send(at, &ask(id(1, 1), SELL, &[1; 600]));
    let [(_, Code::ResourceExhausted, reason, 50)] = &refused(&mut host, at)[..] else { panic!("refused") };
    assert_eq!(reason, "the server is full: no room for more bytes");
    assert_eq!(host.begin(), [id(0, 1)]);
    host.send(at, &ask(id(1, 1), SELL, &[1; 600]));
    assert_eq!(refused(&mut host, at).len(), 1, "a request that runs is still there");
    host.complete(&welcome, id(0, 1), sold());
    host.said(at);
    host.send(at, &ask(id(1, 1), SELL, &[1; 600]));
    assert_eq!(host.begin(), [id(1, 1)]);
}

#[test]
fn large_messages_are_taken_as_long_as_there_is_room_for_what_has_come() {
    let mut host = server(Limits::default().message_max(1 << 20).bytes_per_peer(1 << 20));
    let (at, _) = host.open();
    let part = vec![7; rpc_core::limits::CHUNK_LEN];
    let head = |at| ask_with(at, SELL, &part, |request| request.total = Some(1 << 20));
    let next = |at| written(|out| Chunk { id: at, payload: &part }.write(out, Checksum::Whole));
    for slot in 0..2 {
        host.send(at, &head(id(slot, 1)));
    }
    let mut refusals = Vec::new();
    for _ in 0..14 {
        for slot in 0..2 {
            host.send(at, &next(id(slot, 1)));
            refusals.extend(refused(&mut host, at));
        }
    }
    let [(first, Code::ResourceExhausted, reason, 50)] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!(reason, "this client's part of the server is full: no room for more bytes");
    // The other one has got its room.
    let other = id(1 - first.slot, 1);
    host.send(at, &next(other));
    assert_eq!(host.begin(), [other]);
}

#[test]
fn beyond_its_connections_a_peer_is_told_so_and_then_not_even_that() {
    let mut host = server(Limits::default().connections_per_peer(8));
    for _ in 0..8 {
        assert!(matches!(host.endpoint.handle_connected(host.now, PEER), Arrival::Handshake(_)));
    }
    for _ in 0..17 {
        let Arrival::Refuse(bytes) = host.endpoint.handle_connected(host.now, PEER) else { panic!("told") };
        let reject = reject(&bytes);
        assert_eq!((reject.code, reject.retry_after_ms), (RejectCode::TooMany, 1000));
        assert_eq!(reject.reason, "8 connections of this client are open already");
    }
    assert!(matches!(host.endpoint.handle_connected(host.now, PEER), Arrival::Drop));
    assert!(matches!(host.endpoint.handle_connected(host.now, OTHER), Arrival::Handshake(_)));
    for _ in 0..18 {
        host.endpoint.handle_disconnected(PEER);
    }
    assert!(matches!(host.endpoint.handle_connected(host.now, PEER), Arrival::Handshake(_)));
}

fn reject(bytes: &[u8]) -> rpc_core::frame::Reject {
    let (header, body) = rpc_core::frame::split(bytes, rpc_core::frame::Checksum::Whole).unwrap().unwrap();
    rpc_core::frame::Reject::read(&header, body).unwrap()
}

#[test]
fn a_peer_opens_no_more_sessions_than_it_may_and_can_still_resume_them() {
    let mut host = server(Limits::default().sessions_per_peer(2));
    let (_, first) = host.open();
    host.open();
    let refused = host.connect(&opening());
    let said = host.said(refused);
    assert_eq!(reject(&said).reason, "2 sessions of this client are open already");
    host.resume(&first, 2);
    host.open_from(OTHER);
}

#[test]
fn a_frame_that_does_not_become_whole_in_time_ends_its_connection_and_not_the_session() {
    let mut host = server(Limits::default().frame_within(20 * SECOND).keep_alive(3600 * SECOND));
    let (at, welcome) = host.open();
    let frame = ask(id(0, 1), SELL, &[1; 100]);
    for byte in 1..=20 {
        host.send_part(at, &frame[..byte]);
        host.pass(SECOND);
    }
    assert!(!host.is_open(at));
    let kinds = host.kinds(at);
    assert_eq!(kinds, [Kind::Close]);
    host.resume(&welcome, 2);
}

#[test]
fn a_slow_line_has_its_time_for_each_frame_anew() {
    let mut host = server(Limits::default().frame_within(20 * SECOND).keep_alive(3600 * SECOND));
    let (at, _) = host.open();
    for slot in 0..5 {
        let frame = ask(id(slot, 1), SELL, &[1; 100]);
        host.send_part(at, &frame[..50]);
        host.pass(15 * SECOND);
        // The beginning of the next one comes with the end of this one.
        host.send_part(at, &frame);
    }
    assert!(host.is_open(at));
}

#[test]
fn a_pause_of_the_whole_process_does_not_count_against_a_frame() {
    let mut host = server(Limits::default().frame_within(20 * SECOND).keep_alive(3600 * SECOND));
    let (at, _) = host.open();
    host.send_part(at, &ask(id(0, 1), SELL, &[1; 100])[..50]);
    host.pause(Duration::from_secs(600));
    assert!(host.is_open(at));
    host.pass(21 * SECOND);
    assert!(!host.is_open(at));
}

#[test]
fn requests_that_were_taken_back_are_counted_for_as_long_as_the_driver_holds_them() {
    let mut host = server(Limits::default().message_max(1000).bytes_max(5000));
    let (at, _) = host.open();
    for sequence in 1..=10 {
        host.send(at, &ask(id(0, sequence), SELL, &[1; 1000]));
        host.send(at, &cancel(id(0, sequence), false));
    }
    let answers = host.answers(at);
    let refused = answers.iter().filter(|(_, answer)| *answer == Answer::Refused).count();
    assert_eq!(refused, 5, "{answers:?}");
    // Their turn comes: none of them starts, and there is room again.
    assert_eq!(host.begin(), []);
    assert_eq!(host.endpoint.stats().bytes_held, 0);
    host.send(at, &ask(id(0, 20), SELL, &[1; 1000]));
    assert_eq!(host.begin(), [id(0, 20)]);
}

#[test]
fn what_has_come_of_a_large_message_counts_and_goes_at_its_deadline() {
    let mut host = server(Limits::default().keep_alive(3600 * SECOND));
    let (at, _) = host.open();
    let part = vec![7; 4096];
    let head = ask_with(id(0, 1), SELL, &part, |request| {
        (request.total, request.deadline) = (Some(16 << 20), 1000);
    });
    host.send(at, &head);
    let held = host.endpoint.stats().bytes_held;
    // Room for 17 times what has come, counted in steps.
    assert!((4096..1 << 18).contains(&held), "not what was announced: {held}");
    host.pass(2 * SECOND);
    let refused = refused(&mut host, at);
    assert_eq!((refused[0].0, refused[0].1), (id(0, 1), Code::DeadlineExceeded));
    assert_eq!(host.endpoint.stats().bytes_held, 0);
}

#[test]
fn sessions_keep_no_more_than_they_use_where_bytes_are_rare() {
    let mut host = server(Limits::default().message_max(64 << 10).bytes_max(1 << 20));
    let mut calls = Vec::new();
    // Each has had a burst, and keeps one small call.
    for number in 0..100 {
        let (at, welcome) = host.open();
        host.send(at, &ask(id(0, 1), SELL, &vec![1; 60_000]));
        assert_eq!(host.begin(), [id(0, 1)], "{number}");
        host.complete(&welcome, id(0, 1), sold());
        host.send(at, &ask(id(0, 2), SELL, b"1"));
        assert_eq!(host.begin(), [id(0, 2)]);
        calls.push(at);
    }
    assert!(host.endpoint.stats().bytes_held < 1 << 20);
}

#[test]
fn a_session_that_ends_leaves_the_bytes_of_its_handlers_counted_until_they_end() {
    let mut host = server(Limits::default());
    let (at, welcome) = host.open();
    host.send(at, &ask(id(0, 1), SELL, &[1; 50_000]));
    host.begin();
    let now = host.now;
    let mut left = host.sessions.remove(&welcome.session).expect("it lives");
    left.close(now, "over");
    left.handle_disconnected(now, rpc_core::server::Lane(0));
    while !matches!(left.poll_output(), rpc_core::server::Output::Wait(_)) {}
    assert!(host.endpoint.stats().bytes_held >= 50_000);
    left.complete(now, id(0, 1), sold());
    while !matches!(left.poll_output(), rpc_core::server::Output::Wait(_)) {}
    assert_eq!(host.endpoint.stats().bytes_held, 0);
}
