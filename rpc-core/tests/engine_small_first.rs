//! Small messages do not wait for large ones.

mod support;

use rpc_core::client::ConnectionId;
use rpc_core::frame::Kind;
use rpc_core::limits::LARGE_AT_ONCE;
use rpc_core::server::{Completion, Lane};
use support::services::*;
use support::wire::*;
use support::{Pair, payload};

const MIB: usize = 1 << 20;

#[test]
fn a_small_call_does_not_wait_while_more_of_large_ones_waits_than_may_wait_of_small_ones() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let large: Vec<_> = (0..20).map(|_| pair.start(hall, SELL, &vec![7; MIB])).collect();
    let small = pair.start(hall, SELL, b"small");
    let (mut first, now, connection) = (Vec::new(), pair.now, ConnectionId(pair.newest()));
    assert!(pair.client.poll_transmit(now, connection, &mut first));
    assert_eq!(request(&of_kind(&first, Kind::Request)[0]).id, id(20, 1));
    pair.inject_up(&first);
    assert!(pair.has_ended(small) && !pair.has_ended(large[0]));
    pair.wire().up.blocked = false;
    for key in large {
        assert_eq!(payload(&pair.end_of(key)).len(), MIB);
    }
}

#[test]
fn small_calls_wait_once_too_much_of_small_ones_waits() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let calls: Vec<_> = (0..500).map(|_| pair.start(hall, SELL, &[7; 8 << 10])).collect();
    let waiting = pair.client.slots_in_use();
    assert!((127..=129).contains(&waiting), "{waiting} calls of 8 KiB were written");
    pair.wire().up.blocked = false;
    for key in calls {
        pair.end_of(key).expect("it goes on");
    }
}

#[test]
fn a_server_reads_on_while_large_replies_wait_until_they_are_too_many() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let calls: Vec<_> = (0..LARGE_AT_ONCE).map(|_| pair.start(hall, SELL, b"")).collect();
    pair.wire().down.blocked = true;
    for slot in 0..LARGE_AT_ONCE {
        assert!(pair.session().reads(Lane(0)), "{slot} MiB wait");
        pair.complete(id(slot as u32, 1), Completion::Ok(vec![7; MIB]));
    }
    assert!(!pair.session().reads(Lane(0)), "a client that does not take them asks for no more");
    pair.wire().down.blocked = false;
    for key in calls {
        assert_eq!(payload(&pair.end_of(key)).len(), MIB);
    }
    assert!(pair.session().reads(Lane(0)));
}

#[test]
fn large_messages_of_a_turns_length_end_one_after_the_other() {
    let (mut pair, hall) = Pair::ready();
    pair.hold();
    let calls: Vec<_> = (0..4).map(|_| pair.start(hall, SELL, b"")).collect();
    pair.wire().down.blocked = true;
    for slot in 0..4 {
        // Their length in front is what makes them longer than a turn.
        pair.complete(id(slot, 1), Completion::Ok(vec![7; MIB + 4]));
    }
    let (mut ended, now) = (Vec::new(), pair.now);
    let mut out = Vec::new();
    while pair.session().poll_transmit(now, Lane(0), &mut out) {
        pair.inject_down(&std::mem::take(&mut out));
        ended.push(calls.iter().filter(|key| pair.has_ended(**key)).count());
    }
    ended.dedup();
    assert_eq!(ended, [0, 1, 2, 3, 4]);
}

#[test]
fn large_requests_are_sent_one_after_the_other_so_that_the_first_are_in_time() {
    let (mut pair, hall) = Pair::ready();
    pair.wire().up.blocked = true;
    let calls: Vec<_> = (0..4).map(|_| pair.start(hall, SELL, &vec![7; 3 * MIB])).collect();
    let (now, connection) = (pair.now, ConnectionId(pair.newest()));
    let (mut out, mut executed) = (Vec::new(), Vec::new());
    while pair.client.poll_transmit(now, connection, &mut out) {
        pair.inject_up(&std::mem::take(&mut out));
        executed.push(pair.executed.len());
    }
    executed.dedup();
    assert_eq!(executed, [0, 1, 2, 3, 4]);
    assert!(calls.iter().all(|key| pair.has_ended(*key)));
}
