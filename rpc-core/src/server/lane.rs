//! One of the connections that a session is attached to.

use crate::connection::{ConnectionTime, Gathering, Liveness, Outgoing};
use crate::time::Instant;
use std::time::Duration;

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
    pub(super) unfinished: Unfinished,
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
            unfinished: Unfinished::default(),
            ending: false,
        }
    }
}

/// A timer that fires so late was held up by a pause of the whole process, in which the peer could do nothing.
const PAUSED: Duration = Duration::from_secs(1);

/// A frame of which only a part has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unfinished(Option<Instant>);

impl Unfinished {
    /// Frames were read, and a part of another is left, or nothing.
    #[inline]
    pub(super) fn seen(&mut self, now: Instant, frames: bool, rest: bool) {
        if frames || !rest {
            self.0 = None;
        }
        if rest && self.0.is_none() {
            self.0 = Some(now);
        }
    }

    /// When the rest of it must be there.
    #[inline]
    pub(super) fn due(self, within: Duration) -> Instant {
        self.0.map_or(Instant::NEVER, |since| since + within)
    }

    /// Whether it has taken too long. `reads`: what the peer sends is read.
    pub(super) fn is_late(&mut self, now: Instant, within: Duration, reads: bool) -> bool {
        let due = self.due(within);
        if now < due {
            return false;
        }
        if !reads || now.since(due) > PAUSED {
            self.0 = Some(now);
            return false;
        }
        true
    }
}
