//! How long a session outlives its last connection.

use crate::time::Instant;
use std::time::Duration;

/// A lease goes by in so many periods, each of which takes a tick of the timer.
const PERIODS: u32 = 16;

/// A tick takes no more off than this many periods, however long ago the last one was: a process that was stopped for an hour has
/// not given anybody the time to come back, and does not end all of its sessions when it goes on.
const PERIODS_A_TICK: u32 = 2;

/// ```text
///              a connection is attached
///   Running <------------------------------> Held
///      |       the last connection is lost    |
///      | nothing is left                      | misuse, the client's or the server's Close
///      '----------------> Over <--------------'
/// ```
/// A session comes into being together with its first connection, and nothing brings it back once it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// A connection is attached: the lease does not run.
    Held,
    /// No connection is attached.
    Running { left: Duration, ticked: Instant },
    /// The session has ended.
    Over,
}

impl Lease {
    /// All of it is left. None of a lease of zero is: such a session ends with its last connection.
    pub(super) fn running(now: Instant, lease: Duration) -> Self {
        match lease.is_zero() {
            true => Lease::Over,
            false => Lease::Running { left: lease, ticked: now },
        }
    }

    pub(super) fn is_over(self) -> bool {
        self == Lease::Over
    }

    /// Time has gone on. `true`: the lease has ended just now.
    pub(super) fn tick(&mut self, now: Instant, lease: Duration) -> bool {
        let Lease::Running { left, ticked } = *self else { return false };
        let most = if mutant!(PauseCounts) { Duration::MAX } else { period(lease) * PERIODS_A_TICK };
        let passed = now.since(ticked).min(most);
        *self = Lease::running(now, left.saturating_sub(passed));
        self.is_over()
    }

    /// When the next tick is due.
    pub(super) fn next(self, lease: Duration) -> Instant {
        match self {
            Lease::Running { left, ticked } => ticked + left.min(period(lease)),
            Lease::Held | Lease::Over => Instant::NEVER,
        }
    }
}

fn period(lease: Duration) -> Duration {
    // Never zero, or a lease of nanoseconds would not go by.
    (lease / PERIODS).max(Duration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(160);

    fn at(seconds: u64) -> Instant {
        Instant(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_ends_when_its_time_has_passed_and_not_before() {
        let mut lease = Lease::running(at(0), LEASE);
        let mut ticks = 0;
        loop {
            let next = lease.next(LEASE);
            ticks += 1;
            if lease.tick(next, LEASE) {
                assert_eq!((next, ticks), (at(160), PERIODS));
                return;
            }
        }
    }

    #[test]
    fn a_pause_of_any_length_costs_two_periods_at_most() {
        let mut lease = Lease::running(at(0), LEASE);
        assert!(!lease.tick(at(1_000_000), LEASE));
        assert_eq!(lease, Lease::Running { left: Duration::from_secs(140), ticked: at(1_000_000) });
    }

    #[test]
    fn ticks_that_come_early_or_twice_take_off_what_has_passed() {
        let mut lease = Lease::running(at(0), LEASE);
        for now in [1, 1, 2, 5, 5] {
            assert!(!lease.tick(at(now), LEASE));
        }
        assert_eq!(lease.next(LEASE), at(15));
        assert_eq!(lease, Lease::Running { left: Duration::from_secs(155), ticked: at(5) });
    }

    #[test]
    fn a_lease_of_zero_is_over_at_once_and_any_other_ends_some_time() {
        assert!(Lease::running(at(0), Duration::ZERO).is_over());
        let tiny = Duration::from_nanos(3);
        let mut lease = Lease::running(at(0), tiny);
        let ends = (0..3).any(|_| lease.tick(lease.next(tiny), tiny));
        assert!(ends);
    }

    #[test]
    fn what_is_held_or_over_does_not_run() {
        for mut lease in [Lease::Held, Lease::Over] {
            let before = lease;
            assert!(!lease.tick(at(1_000_000), LEASE));
            assert_eq!((lease, lease.next(LEASE)), (before, Instant::NEVER));
        }
    }
}
