//! One of the connections that a session is attached to.

use crate::connection::{ConnectionTime, Gathering, Liveness, Outgoing};
use crate::time::Instant;

/// Which of a session's connections. Numbers of closed connections are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane(pub u8);

impl Lane {
    /// As a set of connections.
    #[inline]
    pub(super) fn mask(self) -> u8 {
        1 << self.0
    }
}

/// The session's end of one connection.
pub(super) struct Open {
    pub(super) outgoing: Outgoing,
    pub(super) gathering: Gathering,
    pub(super) liveness: Liveness,
    pub(super) time: ConnectionTime,
    /// The client's own count of its connections: of two, the later has the higher one.
    pub(super) number: u32,
    /// Its last frame is written: nothing is read any more, and nobody waits here.
    pub(super) ending: bool,
}

impl Open {
    pub(super) fn starting(now: Instant, number: u32) -> Self {
        Self {
            outgoing: Outgoing::new(),
            gathering: Gathering::default(),
            liveness: Liveness::starting_on_server(now),
            time: ConnectionTime::starting(now),
            number,
            ending: false,
        }
    }
}
