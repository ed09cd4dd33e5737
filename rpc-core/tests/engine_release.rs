//! What an idle client lets go of: the replies that the server keeps for it.

mod support;

use rpc_core::SlotId;
use rpc_core::client;
use rpc_core::frame::{self, Answer, Checksum, Kind, Release};
use rpc_core::server::{self, Completion};
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, failure};

/// What the client has released so far, frame by frame.
fn released(pair: &mut Pair) -> Vec<Vec<SlotId>> {
    let read = |frame: Vec<u8>| {
        let (header, body) = frame::split(&frame, Checksum::Whole).expect("sound").expect("whole");
        Release::read(&header, body).expect("a release").ids
    };
    of_kind(&pair.wire().up.sent, Kind::Release).into_iter().map(read).collect()
}

/// What the server answers to a copy of the newest request.
fn answer_to_a_copy(pair: &mut Pair) -> (Answer, Vec<u8>) {
    let request = of_kind(&pair.wire().up.sent, Kind::Request).pop().expect("a request");
    pair.inject_up(&request);
    let frame = of_kind(&pair.wire().down.sent, Kind::Reply).pop().expect("a reply");
    let reply = reply(&frame);
    (reply.answer, reply.payload.to_vec())
}

#[test]
fn after_a_keep_alive_without_calls_the_server_keeps_no_replies() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let (first, second) = (pair.start(hall, SELL, b"1"), pair.start(hall, SELL, b"2"));
    pair.complete(id(0, 1), Completion::Application(b"sold out".to_vec()));
    pair.complete(id(1, 1), Pair::panicked("?"));
    assert!(pair.has_ended(first) && pair.has_ended(second));
    pair.run_for(30 * SECOND - MS);
    assert_eq!(released(&mut pair), [[]; 0]);
    pair.run_for(MS);
    assert_eq!(released(&mut pair), [[id(1, 1), id(0, 1)]]);
    assert_eq!(answer_to_a_copy(&mut pair), (Answer::Executed, Vec::new()));
    pair.run_for(300 * SECOND);
    assert_eq!(released(&mut pair).len(), 1, "once is enough");
    assert_eq!(pair.executed.len(), 2);
}

#[test]
fn a_release_that_arrives_after_the_slots_next_call_drops_nothing() {
    let (mut pair, hall) = Pair::ready();
    pair.call(hall, SELL, b"first").expect("it works");
    pair.run_for(30 * SECOND);
    let release = of_kind(&pair.wire().up.sent, Kind::Release).pop().expect("a release");
    pair.call(hall, SELL, b"second").expect("it works");
    pair.inject_up(&release);
    assert_eq!(answer_to_a_copy(&mut pair), (Answer::Ok, b"second".to_vec()));
    assert_eq!(pair.executed.len(), 2);
}

#[test]
fn what_the_next_call_in_the_slot_has_acknowledged_is_not_released() {
    let (mut pair, hall) = Pair::ready();
    for _ in 0..5 {
        pair.call(hall, SELL, b"").expect("it works");
    }
    pair.run_for(30 * SECOND);
    assert_eq!(released(&mut pair), [[id(0, 5)]]);
    pair.call(hall, SELL, b"").expect("it works");
    pair.call(hall, FREE, b"").expect("it works");
    pair.run_for(100 * SECOND);
    assert_eq!(released(&mut pair).len(), 1, "an idempotent call acknowledges it as well");
    assert!(pair.next_event() > pair.now, "nothing is left to do");
}

#[test]
fn a_reply_is_released_though_the_next_request_in_its_slot_was_taken_back() {
    let (mut pair, hall) = Pair::ready();
    pair.call(hall, SELL, b"").expect("it works");
    pair.wire().up.blocked = true;
    let key = pair.start(hall, SELL, b"");
    pair.give_up(key);
    pair.wire().up.blocked = false;
    pair.run_for(30 * SECOND);
    assert_eq!(released(&mut pair), [[id(0, 1)]]);
    assert_eq!(answer_to_a_copy(&mut pair), (Answer::Executed, Vec::new()));
}

#[test]
fn calls_of_which_nothing_is_recorded_are_not_released() {
    let (mut pair, hall) = Pair::ready();
    pair.call(hall, FREE, b"").expect("it works");
    let refusal = || Completion::NotStarted { code: rpc_core::Code::Unavailable, reason: String::new() };
    pair.handler = Box::new(move |_| Some(refusal()));
    failure(pair.call(hall, SELL, b""));
    pair.run_for(100 * SECOND);
    assert_eq!(released(&mut pair), [[]; 0]);
}

#[test]
fn the_outcome_of_a_call_that_was_given_up_is_released_too() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let key = pair.start(hall, SELL, b"");
    pair.give_up(key);
    pair.run_for(60 * SECOND);
    assert_eq!(released(&mut pair), [[]; 0], "it still runs");
    pair.complete(id(0, 1), Completion::Ok(b"sold".to_vec()));
    pair.run_for(31 * SECOND);
    assert_eq!(released(&mut pair), [[id(0, 1)]]);
    assert_eq!(answer_to_a_copy(&mut pair), (Answer::Executed, Vec::new()));
}

#[test]
fn nothing_is_released_while_a_call_runs() {
    let (mut pair, hall) = Pair::ready();
    pair.handler = Box::new(|execute| (execute.payload != b"slow").then(|| Completion::Ok(Vec::new())));
    let slow = pair.start_within(hall, SELL, b"slow", 3600 * SECOND);
    pair.call(hall, SELL, b"quick").expect("it works");
    pair.run_for(100 * SECOND);
    assert_eq!(released(&mut pair), [[]; 0]);
    pair.complete(id(0, 1), Completion::Ok(Vec::new()));
    assert!(pair.has_ended(slow));
    pair.run_for(30 * SECOND);
    assert_eq!(released(&mut pair), [[id(1, 1), id(0, 1)]]);
}

#[test]
fn a_server_that_pings_often_does_not_put_the_release_off() {
    let mut server = server::Config::default();
    server.limits.keep_alive = 7 * SECOND;
    let mut pair = Pair::with(client::Config::default(), server, vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.call(hall, SELL, b"").expect("it works");
    pair.run_for(30 * SECOND);
    assert_eq!(released(&mut pair), [[id(0, 1)]]);
}

#[test]
fn the_replies_of_very_many_slots_are_released_in_several_frames() {
    const SLOTS: u32 = 20_000;
    let (mut ours, mut theirs) = (client::Config::default(), server::Config::default());
    (ours.limits.slots, theirs.limits.slots) = (SLOTS, SLOTS);
    (theirs.limits.queued_max, theirs.limits.queued_per_peer) = (SLOTS as usize, SLOTS as usize);
    let mut pair = Pair::with(ours, theirs, vec![&HALL]);
    let hall = pair.bind(&HALL);
    pair.wire().up.blocked = true;
    let keys: Vec<_> = (0..SLOTS).map(|_| pair.start(hall, SELL, b"")).collect();
    pair.wire().up.blocked = false;
    pair.pump();
    assert!(pair.ended.len() == keys.len());
    pair.run_for(30 * SECOND);
    pair.run_for(MS);
    let released = released(&mut pair);
    assert_eq!(released.iter().map(Vec::len).collect::<Vec<_>>(), [8192, 8192, 20_000 - 2 * 8192]);
    let mut all = released.concat();
    all.sort();
    assert!(all.into_iter().eq((0..SLOTS).map(|slot| id(slot, 1))));
}
