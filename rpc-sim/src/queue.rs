//! What is to happen, in the order of its time.

use crate::network::{Way, WireId};
use rpc_core::Instant;
use rpc_core::client::ConnectionId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The next calls of the load.
    Load,
    /// The future of a call is dropped.
    Drop {
        tag: u32,
    },
    ClientTimer(usize),
    /// A client's driver writes what its engine has.
    ClientTurn(usize),
    /// A dial has come to something.
    Dialled {
        client: usize,
        connection: ConnectionId,
        server: usize,
        how: Dialled,
    },
    /// Something may have arrived.
    Arrival(WireId, Way),
    /// A handler's turn has come.
    Begin(usize),
    /// A handler ends.
    Finish(usize),
    SessionTimer {
        server: usize,
        incarnation: u64,
        session: u64,
    },
    HandshakeTimer(WireId),
    /// A process that drains looks whether anybody is left to wait for. It does so until its grace is over.
    Drained {
        server: usize,
        incarnation: u64,
        end: Instant,
    },
    /// A server's process starts.
    Start(usize),
    /// The next fault.
    Fault,
    /// An end of a connection notices that it is broken.
    Noticed(WireId, Way),
}

/// What a dial comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialled {
    Open {
        /// What is said first takes so much longer, in microseconds.
        slow: u64,
    },
    Refused,
    TimedOut,
}

#[derive(PartialEq, Eq)]
struct Entry {
    when: Instant,
    number: u64,
    event: Event,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first: the earliest, and of several the one that was put in first.
        (other.when, other.number).cmp(&(self.when, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Events to come.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Entry>,
    number: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, when: Instant, event: Event) {
        self.number += 1;
        self.heap.push(Entry { when, number: self.number, event });
    }

    pub(crate) fn pop(&mut self) -> Option<(Instant, Event)> {
        self.heap.pop().map(|entry| (entry.when, entry.event))
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.when)
    }
}
