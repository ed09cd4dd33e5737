//! What tasks and threads share and meet at, and the clock, named in one place: the standard library's, unless all interleavings
//! are to be explored (`concurrency/`, docs/decisions/0021).

#[cfg(not(shuttle))]
mod real {
    pub(crate) use std::collections::HashMap;
    pub(crate) use std::sync::atomic::AtomicUsize;
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread_local;
    use std::time::Instant;

    #[inline]
    pub(crate) fn moment() -> Instant {
        Instant::now()
    }

    /// What the process's clock counts from.
    pub(crate) use moment as origin;

    /// Whether this lost wake-up is switched on: never.
    #[inline(always)]
    pub(crate) const fn mutant(_name: &str) -> bool {
        false
    }
}

/// Every lock is a point at which another task may go on, time is virtual, and the same schedule leads to the same run.
#[cfg(shuttle)]
mod explored {
    pub(crate) use shuttle::sync::atomic::AtomicUsize;
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use shuttle::thread_local;
    /// In an order that is the same in each run.
    pub(crate) use std::collections::BTreeMap as HashMap;
    /// Lost wake-ups that can be switched on, to see that they are found.
    pub(crate) use tokio::mutants::is as mutant;
    pub(crate) use tokio::time::{moment, origin};
}

#[cfg(shuttle)]
pub(crate) use explored::*;
#[cfg(not(shuttle))]
pub(crate) use real::*;
