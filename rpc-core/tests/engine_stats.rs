//! What a client counts of its answers.

mod support;

use rpc_core::Code;
use rpc_core::frame::{Answer, Checksum, Reply};
use rpc_core::server::Completion;
use support::services::*;
use support::wire::*;
use support::{Pair, failure};

#[test]
fn replies_from_the_cache_and_of_executions_that_were_joined_are_counted_once_for_their_calls() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let keys = [pair.start(hall, SELL, b""), pair.start(hall, SELL, b"")];
    let reply = |slot, replayed| {
        let reply =
            Reply { id: id(slot, 1), answer: Answer::Ok, replayed, attached: !replayed, ..Reply::default() };
        written(|out| reply.write(out, Checksum::Whole))
    };
    for frame in [reply(0, true), reply(1, false), reply(0, true), reply(1, false)] {
        pair.inject_down(&frame);
    }
    assert!(keys.iter().all(|key| pair.has_ended(*key)));
    let stats = pair.client.stats();
    assert_eq!((stats.replayed, stats.attached, stats.shed), (1, 1, 0));
}

#[test]
fn a_refusal_counts_as_shed_on_both_sides() {
    let (mut pair, hall) = Pair::once();
    pair.handler =
        Box::new(|_| Some(Completion::NotStarted { code: Code::Unavailable, reason: "full".into() }));
    failure(pair.call(hall, SELL, b""));
    assert_eq!((pair.client.stats().shed, pair.server_stats().shed), (1, 1));
}

#[test]
fn each_refusal_of_a_call_that_is_tried_again_counts_as_shed_on_both_sides() {
    let (mut pair, hall) = Pair::ready();
    pair.handler =
        Box::new(|_| Some(Completion::NotStarted { code: Code::Unavailable, reason: "full".into() }));
    failure(pair.call(hall, SELL, b""));
    let stats = pair.client.stats();
    assert_eq!((stats.calls, stats.retried, stats.shed, pair.server_stats().shed), (1, 3, 4, 4));
}
