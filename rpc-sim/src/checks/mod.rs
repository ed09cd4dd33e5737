//! What must never be: one file a promise. Those that can be seen at once end the run there; the others are looked at when
//! everything is healed and at rest.

mod at_most_once;
mod deadlines;
mod drains;
mod leases;
mod liveness;
mod memory;
mod outcomes;
mod protocol;
mod replies;
mod retries;
mod seats;
mod unknown;

use crate::world::World;
use rpc_core::Instant;
use std::fmt;

/// A promise was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub check: &'static str,
    /// How.
    pub what: String,
    pub(crate) at: Instant,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.6} s: {}", self.check, self.at.0 as f64 / 1e9, self.what)
    }
}

impl World {
    /// After the healing: everything comes to rest, then all is looked at, then the frames come again.
    pub(crate) fn finish(&mut self) {
        self.come_to_rest();
        self.check_service();
        self.check_all();
        self.replay_everything();
        self.check_all();
        self.check_leaks();
    }

    fn check_all(&mut self) {
        for tag in 0..self.journal.calls.len() as u32 {
            self.check_end(tag);
        }
        self.check_seats();
        self.check_unsettled();
        self.check_slots();
        self.check_retries();
    }
}
