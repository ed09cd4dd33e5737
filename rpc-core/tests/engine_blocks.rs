//! Payloads whose last bytes are a block that is not copied: on the wire nothing tells them from others, and nobody holds a block
//! longer than it is needed.

mod support;

use proptest::prelude::*;
use rpc_core::client::{BindingId, ConnectionId};
use rpc_core::frame::{Answer, Kind};
use rpc_core::limits::CHUNK_LEN;
use rpc_core::server::{Completion, Lane};
use rpc_core::service::Verdict;
use support::blocks::Blocks;
use support::services::*;
use support::wire::*;
use support::{MS, Pair, SECOND, payload};

/// Bytes of which no two chunks are alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect()
}

/// How long a payload is, and what of it stands before the block.
fn parts() -> impl Strategy<Value = (usize, usize)> {
    let around = |length: usize| (length.saturating_sub(2)..length + 3).boxed();
    let length = prop_oneof![
        0..5usize,
        around(1 << 10),
        around(8 << 10),
        around(CHUNK_LEN),
        around(2 * CHUNK_LEN),
        0..400_000usize,
    ];
    let head = prop_oneof![0..12usize, around(1 << 10), around(CHUNK_LEN), 0..400_000usize];
    (length, head).prop_map(|(length, head)| (length, head.min(length)))
}

/// What goes wrong in a conversation.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    /// The connection is lost when so many bytes of the request have arrived; the handler has not ended then.
    cut_up: Option<usize>,
    /// When so many bytes of the reply have.
    cut_down: Option<usize>,
    /// The request comes once more when it has been answered.
    again: bool,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let cut = || prop::option::of(1..500_000usize);
    (cut(), cut(), any::<bool>()).prop_map(|(cut_up, cut_down, again)| Trouble { cut_up, cut_down, again })
}

/// All that both sides write on all connections, and what the caller gets, of one call with these arguments and this result.
fn talk(
    method: u16,
    arguments: (usize, usize),
    result: (usize, usize),
    verdict: Verdict,
    trouble: Trouble,
    blocks: Option<&Blocks>,
) -> (Vec<[Vec<u8>; 2]>, Vec<u8>) {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let cut = |pipe: &mut support::pipe::Pipe, at: Option<usize>, length: usize| {
        pipe.cut_at = at.map(|at| pipe.sent.len() + 1 + at % (length + 24));
    };
    cut(&mut pair.wire().up, trouble.cut_up, arguments.0);
    let sent = pattern(arguments.0);
    let key = match blocks {
        Some(blocks) => blocks.start(&mut pair, (hall, method), &sent, arguments.1, 60 * SECOND),
        None => pair.start_within(hall, method, &sent, 60 * SECOND),
    };
    pair.run_for(2 * SECOND);
    assert!(pair.executed.iter().all(|executed| executed.execute.payload == sent));
    cut(&mut pair.wire().down, trouble.cut_down, result.0);
    let reply = pattern(result.0);
    let completion = |blocks: Option<&Blocks>| match (blocks, verdict) {
        (Some(blocks), _) => blocks.completion(verdict, &reply, result.1),
        (None, Verdict::Ok) => Completion::Ok(reply.clone()),
        (None, Verdict::Application) => Completion::Application(reply.clone()),
    };
    // One that is idempotent runs again.
    for which in 0..4 {
        if let Some(executed) = pair.executed.get(which) {
            let id = executed.execute.request_id;
            pair.complete_in(id.session, id.at, completion(blocks));
            pair.run_for(2 * SECOND);
        }
    }
    let end = payload(&pair.end_of(key)).to_vec();
    if trouble.again && method == SELL {
        let all = frames(&pair.wire().up.sent);
        let parts = all.into_iter().filter(|(kind, _)| matches!(kind, Kind::Request | Kind::Chunk));
        pair.inject_up(&parts.flat_map(|(_, frame)| frame).collect::<Vec<u8>>());
    }
    let wires = std::mem::take(&mut pair.wires).into_values().map(|wire| [wire.up.sent, wire.down.sent]);
    (wires.collect(), end)
}

/// Every reply of a stream, put together: its answer, whether it was replayed, its bytes.
fn replies(stream: &[u8]) -> Vec<(Answer, bool, Vec<u8>)> {
    let mut all: Vec<(Answer, bool, Vec<u8>)> = Vec::new();
    for (kind, frame) in frames(stream) {
        match kind {
            Kind::Reply => {
                let reply = reply(&frame);
                all.push((reply.answer, reply.replayed, reply.payload.to_vec()));
            }
            Kind::Chunk => all.last_mut().expect("a reply").2.extend_from_slice(&frame[24..]),
            _ => {}
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_the_wire_nothing_tells_a_block_from_other_bytes_whatever_is_lost_and_said_again(
        method in prop_oneof![Just(SELL), Just(FREE)],
        arguments in parts(),
        result in parts(),
        ok in any::<bool>(),
        trouble in trouble(),
    ) {
        let verdict = if ok { Verdict::Ok } else { Verdict::Application };
        let (wires, end) = talk(method, arguments, result, verdict, trouble, None);
        let blocks = Blocks::default();
        let (with_blocks, same_end) = talk(method, arguments, result, verdict, trouble, Some(&blocks));
        prop_assert!(end == pattern(result.0) && same_end == end);
        prop_assert_eq!(wires.len(), with_blocks.len(), "connections");
        prop_assert!(wires == with_blocks, "the bytes differ");
        prop_assert_eq!(blocks.held(), 0);
    }
}

#[test]
fn a_reply_with_a_block_is_replayed_byte_for_byte() {
    for length in [1, 9 << 10, CHUNK_LEN + 1, 300 << 10] {
        for verdict in [Verdict::Ok, Verdict::Application] {
            let ((mut pair, hall), blocks) = (Pair::ready(), Blocks::default());
            pair.hold();
            let key = pair.start(hall, SELL, b"seat");
            let said = pair.wire().down.sent.len();
            pair.complete(id(0, 1), blocks.completion(verdict, &pattern(length + 4), 4));
            assert_eq!(payload(&pair.end_of(key)), pattern(length + 4));
            let request = of_kind(&pair.wire().up.sent, Kind::Request).remove(0);
            pair.inject_up(&request);
            pair.inject_up(&request);
            let [first, second, third] = replies(&pair.wire().down.sent[said..]).try_into().expect("three");
            assert_eq!((first.1, second.1, third.1), (false, true, true));
            assert_eq!((&first.0, &first.2), (&second.0, &second.2), "{length} bytes");
            assert_eq!((&first.0, &first.2), (&third.0, &third.2), "{length} bytes");
            assert_eq!(blocks.held(), length, "it is kept once");
        }
    }
}

/// Nothing of any call is left on either side.
fn nothing_is_left(mut pair: Pair, hall: BindingId, blocks: &Blocks) {
    assert_eq!(payload(&pair.call(hall, SELL, b"next")), b"next");
    pair.run_for(120 * SECOND);
    assert_eq!(blocks.held(), 0, "bytes of blocks");
    assert_eq!((pair.client.calls_len(), pair.client.slots_in_use()), (0, 0));
    let connection = ConnectionId(pair.newest());
    assert!(!pair.client.has_outgoing(connection) && !pair.session().has_outgoing(Lane(0)));
    assert_eq!(pair.session().replies_kept(), 0);
    let now = pair.now;
    pair.client.close(now);
    pair.run_for(SECOND);
    assert!(pair.sessions.is_empty(), "the session ends with its channel");
    let stats = pair.server_stats();
    assert_eq!((stats.executing, stats.queued, stats.bytes_held, pair.endpoint.replies_kept()), (0, 0, 0, 0));
}

/// Gives up a call whose request was handed out in so many turns, of 128 KiB each.
fn given_up_after(turns: usize, method: u16, length: usize) -> (Pair, BindingId, Blocks) {
    let ((mut pair, hall), blocks) = (Pair::ready(), Blocks::default());
    pair.wire().up.blocked = true;
    let key = blocks.start(&mut pair, (hall, method), &pattern(length), 4, 10 * SECOND);
    assert_eq!(blocks.held(), length - 4);
    let mut out = Vec::new();
    for _ in 0..turns {
        pair.client.poll_transmit(pair.now, ConnectionId(pair.newest()), &mut out);
    }
    pair.inject_up(&out);
    pair.give_up(key);
    assert_eq!(blocks.held(), 0, "nobody needs it any more");
    pair.wire().up.blocked = false;
    pair.pump();
    (pair, hall, blocks)
}

#[test]
fn a_call_that_is_given_up_leaves_nothing_behind_of_a_block_that_was_not_begun() {
    for (method, length) in [(SELL, 9 << 10), (FREE, 9 << 10), (SELL, 5 << 20), (FREE, 5 << 20)] {
        let (pair, hall, blocks) = given_up_after(0, method, length);
        assert!(pair.executed.is_empty());
        nothing_is_left(pair, hall, &blocks);
    }
}

#[test]
fn a_call_that_is_given_up_leaves_nothing_behind_of_a_block_that_was_handed_out_in_part() {
    for method in [SELL, FREE] {
        let (pair, hall, blocks) = given_up_after(1, method, 5 << 20);
        assert!(pair.executed.is_empty(), "the rest never comes");
        nothing_is_left(pair, hall, &blocks);
    }
}

#[test]
fn a_call_that_is_given_up_leaves_nothing_behind_of_a_block_that_was_handed_out_whole() {
    for (method, length) in [(SELL, 9 << 10), (FREE, 9 << 10), (SELL, 5 << 20), (FREE, 5 << 20)] {
        let (pair, hall, blocks) = given_up_after(50, method, length);
        assert_eq!(pair.executed.len(), 1);
        nothing_is_left(pair, hall, &blocks);
    }
}

#[test]
fn a_call_that_ends_at_its_deadline_lets_its_block_go() {
    for blocked in [true, false] {
        let ((mut pair, hall), blocks) = (Pair::ready(), Blocks::default());
        pair.hold();
        pair.wire().up.blocked = blocked;
        let key = blocks.start(&mut pair, (hall, SELL), &pattern(1 << 20), 4, 300 * MS);
        assert!(pair.end_of(key).is_err());
        assert_eq!(blocks.held(), 0);
        pair.wire().up.blocked = false;
        pair.echo();
        for which in 0..pair.executed.len() {
            let id = pair.executed[which].execute.request_id;
            pair.complete_in(id.session, id.at, Completion::Ok(Vec::new()));
        }
        nothing_is_left(pair, hall, &blocks);
    }
}

/// Gives up a call whose reply with a block was handed out in so many turns.
fn reply_given_up_after(turns: usize, method: u16, length: usize) {
    let ((mut pair, hall), blocks) = (Pair::ready(), Blocks::default());
    pair.hold();
    let key = pair.start(hall, method, b"seat");
    pair.wire().down.blocked = true;
    pair.complete(id(0, 1), blocks.completion(Verdict::Ok, &pattern(length), 4));
    assert_eq!(blocks.held(), length - 4);
    let (mut out, now) = (Vec::new(), pair.now);
    for _ in 0..turns {
        pair.session().poll_transmit(now, Lane(0), &mut out);
    }
    pair.inject_down(&out);
    pair.give_up(key);
    pair.wire().down.blocked = false;
    pair.echo();
    nothing_is_left(pair, hall, &blocks);
}

#[test]
fn a_reply_with_a_block_that_nobody_waits_for_leaves_nothing_behind_however_much_of_it_was_handed_out() {
    for method in [SELL, FREE] {
        for turns in [0, 1, 40] {
            reply_given_up_after(turns, method, 9 << 10);
            reply_given_up_after(turns, method, 5 << 20);
        }
    }
}

#[test]
fn blocks_of_a_connection_that_is_lost_are_held_for_the_next_one_and_no_longer() {
    let ((mut pair, hall), blocks) = (Pair::ready(), Blocks::default());
    pair.wire().up.blocked = true;
    let length = 5 << 20;
    let key = blocks.start(&mut pair, (hall, SELL), &pattern(length), 4, 60 * SECOND);
    let mut out = Vec::new();
    pair.client.poll_transmit(pair.now, ConnectionId(pair.newest()), &mut out);
    pair.unreachable = true;
    pair.cut();
    assert_eq!(blocks.held(), length - 4, "it is written again");
    pair.unreachable = false;
    assert_eq!(payload(&pair.end_of(key)), pattern(length));
    assert_eq!(blocks.held(), 0);
    nothing_is_left(pair, hall, &blocks);
}
