//! Time as the engines know it: a number that the driver passes in. Nothing in this crate reads a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time: nanoseconds since an origin of the driver's choice, the same for all calls into one engine.
///
/// A number of its own and not `std::time::Instant`, so that a simulator can start at zero and a trace can be printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// Later than any other.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// How much later this is than `earlier`; zero if it is not.
    #[inline]
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Whole milliseconds since `earlier`, rounded down; zero if this is not later.
    #[inline]
    pub fn millis_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    /// Saturates: a deadline beyond 584 years is [`Instant::NEVER`].
    #[inline]
    fn add(self, by: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    #[inline]
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}
