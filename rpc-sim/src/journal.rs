//! What has really happened: every call, every execution, every seat, every id that was written. It belongs to the world
//! and survives every crash.

use crate::network::WireId;
use rpc_core::client::CallKey;
use rpc_core::{Execution, Instant, SlotId};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Names a session in the world: servers may give the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) server: usize,
    pub(crate) incarnation: u64,
    pub(crate) session: u64,
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}.{}/{}", self.server, self.incarnation, self.session)
    }
}

/// How a call has ended for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a result, or with a refusal by the application.
    Result { refused: bool, hash: u64, seat: Option<u32> },
    /// With an error that says so.
    Failed(Execution),
}

/// One logical call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) client: usize,
    pub(crate) method: u16,
    pub(crate) idempotent: bool,
    pub(crate) key: CallKey,
    /// By the client's clock.
    pub(crate) deadline: Instant,
    /// Of its payload.
    pub(crate) length: usize,
    pub(crate) dropped: bool,
    pub(crate) end: Option<(Instant, End)>,
    /// What its error said, for people.
    pub(crate) error: String,
    /// Handlers that were entered for it.
    pub(crate) starts: u32,
    /// Those of them that ended and had a result or a panic.
    pub(crate) ends: u32,
    pub(crate) seats: Vec<u32>,
    /// Of the payload of each result that its handlers came to.
    pub(crate) results: Vec<u64>,
    /// When its last id was written for the first time.
    pub(crate) written: Instant,
    /// The last connection that a copy of it was written to, and when.
    pub(crate) copied: Option<(WireId, Instant)>,
    /// When its handler came to its end.
    pub(crate) done: Option<Instant>,
    /// Ids that were written for it, in order.
    pub(crate) ids: Vec<(SessionKey, SlotId)>,
    /// Answer and payload of the first reply that was written for it.
    pub(crate) reply: Option<u64>,
    /// Of its result's payload, if it has one.
    pub(crate) result: Option<u64>,
    /// Since when it is settled that none starts any more.
    pub(crate) settled: Option<Instant>,
    /// What its client said later, of a call that had ended as unknown.
    pub(crate) outcome: Option<Execution>,
    /// The connection that it could have been written on when it was made.
    pub(crate) wire: Option<WireId>,
    /// All slots were taken when it was made.
    pub(crate) waits: bool,
    /// It does not wait for a connection.
    pub(crate) hurried: bool,
}

impl Call {
    /// A call that has just been made.
    pub(crate) fn new(client: usize, method: u16, idempotent: bool, key: CallKey, deadline: Instant) -> Self {
        Self {
            client,
            method,
            idempotent,
            key,
            deadline,
            length: 0,
            dropped: false,
            end: None,
            error: String::new(),
            starts: 0,
            ends: 0,
            seats: Vec::new(),
            results: Vec::new(),
            written: Instant::NEVER,
            copied: None,
            done: None,
            ids: Vec::new(),
            reply: None,
            result: None,
            settled: None,
            outcome: None,
            wire: None,
            waits: false,
            hurried: false,
        }
    }
}

/// A copy of a request was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) when: Instant,
    /// What the server has asked for.
    pub(crate) retry_after: Duration,
}

/// One request id.
#[derive(Debug)]
pub(crate) struct Id {
    pub(crate) tag: u32,
    /// Copies that were written.
    pub(crate) copies: u32,
    /// The server's last word was a refusal: it has stored nothing, and a further copy may run. Otherwise not.
    pub(crate) refused: Option<Refusal>,
    /// How often it has refused a copy.
    pub(crate) refusals: u32,
    /// The server has answered a copy of it, in whatever way.
    pub(crate) answered: bool,
    pub(crate) cancelled: bool,
    pub(crate) starts: u32,
    /// Its frame, or the first one if it goes in chunks.
    pub(crate) frame: Vec<u8>,
}

impl Id {
    /// Whether a further copy of it may still arrive: the server has stored the id, or has not refused every copy that was
    /// written.
    pub(crate) fn may_come_again(&self) -> bool {
        self.refused.is_none() || self.copies > self.refusals
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) calls: Vec<Call>,
    pub(crate) ids: BTreeMap<(SessionKey, SlotId), Id>,
    /// Who has each seat.
    pub(crate) seats: Vec<u32>,
    /// Handlers that were entered.
    pub(crate) executed: u64,
    /// Frames with which clients have released replies.
    pub(crate) releases: BTreeMap<SessionKey, Vec<Vec<u8>>>,
    /// Requests that were written, copies included.
    pub(crate) requests: u64,
}

impl Journal {
    pub(crate) fn call(&mut self, tag: u32) -> Option<&mut Call> {
        self.calls.get_mut(tag as usize)
    }

    /// Sells the next free seat to a call.
    pub(crate) fn sell(&mut self, tag: u32) -> u32 {
        let seat = self.seats.len() as u32;
        self.seats.push(tag);
        if let Some(call) = self.calls.get_mut(tag as usize) {
            call.seats.push(seat);
        }
        seat
    }

    /// Calls that have neither ended nor been dropped.
    pub(crate) fn open(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.calls.iter().enumerate().filter(|(_, call)| call.end.is_none() && !call.dropped)
    }
}
