//! Counts that tell an operator what happened.

use std::ops::AddAssign;

/// Counts since the start of a channel or a server. They are kept where the work is done anyway and added up when
/// they are asked for, so that counting costs no shared write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that were started (client), requests that were executed (server).
    pub calls: u64,
    /// Calls that were sent again under a new request id (client only).
    pub retried: u64,
    /// Requests that were answered from the reply cache.
    pub replayed: u64,
    /// Requests that joined an execution which was running already.
    pub attached: u64,
    /// Calls that ended without it being known whether they ran (client only).
    pub unknown: u64,
    /// Requests that were refused before they started.
    pub shed: u64,
    /// Bytes that were read, frames and all.
    pub bytes_in: u64,
    /// Bytes that were handed to the socket.
    pub bytes_out: u64,
    /// Connections that were made (client), that are open (server).
    pub connections: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Stats) {
        self.calls += other.calls;
        self.retried += other.retried;
        self.replayed += other.replayed;
        self.attached += other.attached;
        self.unknown += other.unknown;
        self.shed += other.shed;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.connections += other.connections;
    }
}
