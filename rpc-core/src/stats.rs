//! Counts that tell an operator what happened.

use std::ops::AddAssign;

/// Counts since the start of a channel or a server. They are kept where the work is done anyway and added up when
/// they are asked for, so that counting costs no shared write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that were started (client), requests that were executed (server).
    pub calls: u64,
    /// How often a call was given a new request id, because the server had refused it or it moved to another one (client);
    /// always 0 (server). What is written again under its old id after a lost connection is not counted.
    pub retried: u64,
    /// Calls whose reply came from the server's reply cache (client), requests that were answered from it (server).
    pub replayed: u64,
    /// Calls whose reply came from an execution that another copy had started (client), requests that joined one which was
    /// running already (server).
    pub attached: u64,
    /// Calls that ended without it being known whether they ran (client); always 0 (server).
    pub unknown: u64,
    /// Of these, those of which it became certain later whether they ran (client); always 0 (server).
    pub resolved: u64,
    /// Refusals that came from a server, those after which a call was tried again included (client), requests that were refused
    /// before they started (server). What a client refuses itself, before anything is sent, is not counted.
    pub shed: u64,
    /// Bytes that were read, frames and all.
    pub bytes_in: u64,
    /// Bytes that were handed to the socket.
    pub bytes_out: u64,
    /// Connections that were made (client), that are open (server).
    pub connections: u64,
    /// Connections, open or not, that took up the session of an earlier one.
    pub resumed: u64,
    /// Sessions that live, those that wait for their client to come back included (server); always 0 (client).
    pub sessions: u64,
    /// Handlers that run now (server); always 0 (client). See [`Limits::executing_max`](crate::Limits::executing_max).
    pub executing: u64,
    /// Requests that wait for their handler's turn now (server); always 0 (client).
    pub queued: u64,
    /// Bytes that are held for calls now, about: see [`Limits::bytes_max`](crate::Limits::bytes_max) (server); always 0 (client).
    pub bytes_held: u64,
}

/// What one session of a server counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) replayed: u64,
    pub(crate) attached: u64,
    pub(crate) shed: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) resumed: u64,
}

impl From<Counts> for Stats {
    fn from(counts: Counts) -> Stats {
        let Counts { calls, replayed, attached, shed, bytes_in, bytes_out, resumed } = counts;
        Stats { calls, replayed, attached, shed, bytes_in, bytes_out, resumed, ..Stats::default() }
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Stats) {
        self.calls += other.calls;
        self.retried += other.retried;
        self.replayed += other.replayed;
        self.attached += other.attached;
        self.unknown += other.unknown;
        self.resolved += other.resolved;
        self.shed += other.shed;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.connections += other.connections;
        self.resumed += other.resumed;
        self.sessions += other.sessions;
        self.executing += other.executing;
        self.queued += other.queued;
        self.bytes_held += other.bytes_held;
    }
}
