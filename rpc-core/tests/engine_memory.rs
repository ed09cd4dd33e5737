//! What a server holds of replies: bounded for a session and for all, and what is given up first.

mod support;

use rpc_core::SlotId;
use rpc_core::frame::{Answer, Cancel, Kind, Release, Welcome};
use rpc_core::server::{Completion, Config};
use support::host::*;
use support::services::*;
use support::wire::*;

const OTHER: &str = "10.0.0.2";

/// A server with so much room for the replies of one session, and of all.
fn server(one: usize, all: usize) -> Host {
    let mut config = Config::default();
    (config.limits.replies_max, config.limits.replies_all_max) = (one, all);
    Host::with(config)
}

/// Calls in these slots, one after the other, each with a reply of so many bytes.
fn calls(host: &mut Host, at: At, welcome: &Welcome, slots: impl IntoIterator<Item = u32>, size: usize) {
    for slot in slots {
        host.call(at, welcome, id(slot, 1), SELL, &vec![slot as u8; size]);
    }
    host.said(at);
}

/// What copies of the first calls of these slots are answered. None of them runs.
fn copies(host: &mut Host, at: At, slots: impl IntoIterator<Item = u32>) -> Vec<Answer> {
    host.said(at);
    for slot in slots {
        host.send(at, &ask(id(slot, 1), SELL, b"seat"));
    }
    assert_eq!(host.begin(), []);
    host.read(at, |reply| {
        assert!(reply.payload.iter().all(|byte| *byte == reply.id.slot as u8), "another call's reply");
        reply.answer
    })
}

fn release(host: &mut Host, at: At, slots: impl IntoIterator<Item = u32>) {
    let ids: Vec<SlotId> = slots.into_iter().map(|slot| id(slot, 1)).collect();
    host.send(at, &written(|out| Release { ids }.write(out)));
}

/// Whether a newcomer is let in.
fn lets_in(host: &mut Host) -> bool {
    let at = host.connect(&opening());
    host.kinds(at) == [Kind::Welcome]
}

#[test]
fn a_session_that_has_no_more_room_loses_its_oldest_replies_first() {
    let mut host = server(1000, 1 << 20);
    let (at, welcome) = host.open();
    calls(&mut host, at, &welcome, 0..200, 300);
    let answers = copies(&mut host, at, 0..200);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Ok).count(), 3);
    assert_eq!(answers[199], Answer::Ok, "the newest is there");
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Ok | Answer::Executed)));
}

#[test]
fn a_reply_beyond_all_of_its_sessions_room_is_not_kept_and_costs_no_other_its_place() {
    let mut host = server(1000, 1 << 20);
    let (at, welcome) = host.open();
    calls(&mut host, at, &welcome, 0..3, 300);
    calls(&mut host, at, &welcome, [3], 1001);
    let expected = [Answer::Ok, Answer::Ok, Answer::Ok, Answer::Executed];
    assert_eq!(copies(&mut host, at, 0..4), expected);
}

#[test]
fn when_the_servers_room_is_used_up_a_session_pays_with_its_own_replies() {
    let mut host = server(1 << 20, 16 << 10);
    let (rich, wealth) = host.open();
    let (poor, little) = host.open();
    calls(&mut host, poor, &little, 0..3, 1000);
    calls(&mut host, rich, &wealth, 0..100, 1000);
    calls(&mut host, poor, &little, 3..10, 1000);
    let (rich, poor) = (copies(&mut host, rich, 0..100), copies(&mut host, poor, 0..10));
    let kept = |answers: &[Answer]| answers.iter().filter(|answer| **answer == Answer::Ok).count();
    assert_eq!((kept(&rich), kept(&poor)), (12, 4), "4 KiB were taken before, 12 KiB were left");
    assert_eq!((rich[99], poor[9], poor[0]), (Answer::Ok, Answer::Ok, Answer::Executed));
}

#[test]
fn a_session_that_has_nothing_to_give_up_does_not_keep_its_reply_but_that_it_was_executed() {
    let mut host = server(1 << 20, 16 << 10);
    let (poor, nothing) = host.open();
    let (rich, wealth) = host.open();
    calls(&mut host, rich, &wealth, 0..16, 1 << 10);
    calls(&mut host, poor, &nothing, 0..2, 1);
    assert_eq!(copies(&mut host, poor, 0..2), [Answer::Executed; 2]);
    assert_eq!(copies(&mut host, rich, 0..16), [Answer::Ok; 16], "nobody else's reply is given up for it");
    // The next calls in its slots are calls like any other.
    host.call(poor, &nothing, id(0, 2), SELL, b"");
    assert_eq!(host.answers(poor), [(id(0, 2), Answer::Ok)]);
}

#[test]
fn new_sessions_are_refused_while_the_servers_room_is_used_up_and_live_ones_are_resumed() {
    let mut host = server(1 << 20, 16 << 10);
    let (at, welcome) = host.open();
    assert!(lets_in(&mut host));
    calls(&mut host, at, &welcome, 0..16, 1 << 10);
    assert!(!lets_in(&mut host));
    let again = host.resume(&welcome, 2);
    assert_eq!(copies(&mut host, again, 0..16), [Answer::Ok; 16]);
    release(&mut host, again, 0..8);
    assert!(lets_in(&mut host), "what was released is there for others");
}

#[test]
fn a_peer_whose_sessions_use_up_its_part_of_the_room_opens_no_more_of_them_and_keeps_nobody_else_out() {
    let mut config = Config::default();
    (config.limits.replies_max, config.limits.replies_all_max) = (8 << 10, 64 << 10);
    config.limits.replies_per_peer = 16 << 10;
    let mut host = Host::with(config);
    let (one, first) = host.open();
    let (two, second) = host.open();
    calls(&mut host, one, &first, 0..8, 1 << 10);
    calls(&mut host, two, &second, 0..8, 1 << 10);
    assert!(!lets_in(&mut host));
    let (other, modest) = host.open_from(OTHER);
    calls(&mut host, other, &modest, 0..8, 1 << 10);
    assert_eq!(copies(&mut host, other, 0..8), [Answer::Ok; 8]);
    // Nor does it help to leave them behind.
    host.cut(one);
    assert!(!lets_in(&mut host));
    release(&mut host, two, 0..8);
    assert!(lets_in(&mut host), "what was released is there for its next one");
}

#[test]
fn room_comes_back_by_a_next_call_by_a_fence_and_with_its_session() {
    let fence = |host: &mut Host, at: At| {
        host.send(at, &written(|out| Cancel { id: id(0, 5), want_reply: false }.write(out)));
    };
    let next = |host: &mut Host, at: At| {
        host.send(at, &ask(id(0, 5), SELL, b""));
        host.begin();
    };
    for give_up in [&fence as &dyn Fn(&mut Host, At), &next] {
        let mut host = server(1 << 20, 512 << 10);
        let (at, welcome) = host.open();
        calls(&mut host, at, &welcome, [0], 512 << 10);
        assert!(!lets_in(&mut host));
        give_up(&mut host, at);
        assert!(lets_in(&mut host));
    }
    let mut host = server(1 << 20, 16 << 10);
    let (at, welcome) = host.open();
    calls(&mut host, at, &welcome, 0..16, 1 << 10);
    let now = host.now;
    host.session(&welcome).close(now, "");
    assert!(lets_in(&mut host), "at its end, before anybody has reported it");
}

#[test]
fn a_detached_session_holds_no_more_than_it_keeps() {
    let mut host = server(1 << 20, 16 << 10);
    let (at, welcome) = host.open();
    calls(&mut host, at, &welcome, 0..13, 1 << 10);
    host.send(at, &ask(id(0, 2), SELL, b""));
    assert!(!lets_in(&mut host), "a busy session keeps its room");
    host.cut(at);
    assert!(lets_in(&mut host));
}

#[test]
fn a_server_that_keeps_no_replies_serves_all_the_same() {
    for (one, all) in [(0, 1 << 20), (1 << 20, 0), (0, 0)] {
        let mut host = server(one, all);
        let (at, welcome) = host.open();
        calls(&mut host, at, &welcome, 0..2, 10);
        assert_eq!(copies(&mut host, at, 0..2), [Answer::Executed; 2]);
        assert!(lets_in(&mut host));
        calls(&mut host, at, &welcome, 2..4, 0);
        assert_eq!(copies(&mut host, at, 2..4), [Answer::Ok; 2], "an empty reply takes no room");
    }
}

#[test]
fn failures_and_refusals_of_the_application_take_room_like_results() {
    let mut host = server(100, 1 << 20);
    let (at, welcome) = host.open();
    calls(&mut host, at, &welcome, [0], 90);
    host.send(at, &ask(id(1, 1), SELL, b"seat"));
    host.begin();
    host.complete(&welcome, id(1, 1), support::Pair::panicked(&"x".repeat(50)));
    host.said(at);
    assert_eq!(copies(&mut host, at, [0]), [Answer::Executed]);
    host.send(at, &ask(id(1, 1), SELL, b"seat"));
    assert_eq!(host.answers(at), [(id(1, 1), Answer::Failed)]);
}

#[test]
fn whatever_comes_a_session_keeps_no_more_than_its_room() {
    for seed in 1..=50_u64 {
        let mut random = seed;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut host = server(5000, 7000);
        let (at, welcome) = host.open();
        let (other, second) = host.open();
        let mut last = [[0_u64; 100]; 2];
        for _ in 0..300 {
            let most = if next(8) == 0 { 6000 } else { 300 };
            let (who, slot, size) = (next(2) as usize, next(100), next(most));
            last[who][slot as usize] += 1;
            let (at, welcome) = [(at, &welcome), (other, &second)][who];
            host.call(at, welcome, id(slot as u32, last[who][slot as usize]), SELL, &vec![0; size as usize]);
            host.said(at);
        }
        let mut held = [0; 2];
        for (who, at) in [at, other].into_iter().enumerate() {
            for (slot, sequence) in last[who].iter().enumerate().filter(|(_, sequence)| **sequence > 0) {
                host.send(at, &ask(id(slot as u32, *sequence), SELL, b"seat"));
                assert_eq!(host.begin(), [], "seed {seed}");
                held[who] += host.read(at, |reply| reply.payload.len()).iter().sum::<usize>();
            }
        }
        assert!(held[0] <= 5000 && held[1] <= 5000 && held[0] + held[1] <= 7000, "seed {seed}: {held:?}");
        assert!(held[0] > 0 && held[1] > 0, "seed {seed}: {held:?}");
    }
}

#[test]
fn handlers_that_end_while_nobody_is_connected_leave_no_buffers_behind() {
    let mut host = Host::new();
    let (at, welcome) = host.open();
    let slots = (0..256).map(|slot| SlotId { slot, sequence: 1 });
    slots.clone().for_each(|slot| host.send(at, &ask(slot, FREE, b"x")));
    assert_eq!(host.begin().len(), 256);
    host.cut(at);
    slots.for_each(|slot| host.complete(&welcome, slot, Completion::Ok(vec![0; 16 << 10])));
    assert_eq!(host.session(&welcome).spare().capacity(), 0);
}
