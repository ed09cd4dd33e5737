//! The clock: the only place of this crate that reads the time.

use crate::sync::{moment, origin};
use rpc_core::Instant;
use std::sync::OnceLock;
use std::time::{Duration, Instant as Moment};

/// What the engines' instants count from. One for the whole process, so that those of a server and of the channels
/// that its handlers call through compare.
static ORIGIN: OnceLock<Moment> = OnceLock::new();

/// The process's clock, which the engines' instants come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock;

impl Clock {
    #[inline]
    fn origin() -> Moment {
        *ORIGIN.get_or_init(origin)
    }

    /// The time, as the engines count it.
    #[inline]
    pub(crate) fn now() -> Instant {
        let origin = Self::origin();
        Self::count(moment().saturating_duration_since(origin))
    }

    /// An instant of the standard library as the engines count it; one before the origin becomes the origin.
    #[cfg(test)]
    pub(crate) fn from_std(moment: Moment) -> Instant {
        Self::count(moment.saturating_duration_since(Self::origin()))
    }

    /// The same the other way. What lies too far ahead for the standard library becomes a time in thirty years.
    pub(crate) fn to_std(at: Instant) -> Moment {
        const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
        #[cfg(test)]
        crate::gates::count_timer();
        let origin = Self::origin();
        origin.checked_add(Duration::from_nanos(at.0).min(FAR)).unwrap_or(origin)
    }

    #[inline]
    fn count(since: Duration) -> Instant {
        Instant(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_way_through_the_standard_library() {
        let now = Clock::now();
        assert_eq!(Clock::from_std(Clock::to_std(now)), now);
    }

    #[test]
    fn never_becomes_a_time_that_timers_can_hold() {
        assert!(Clock::to_std(Instant::NEVER) > Moment::now() + Duration::from_secs(86_400));
    }

    #[test]
    fn a_moment_before_the_origin_counts_as_the_origin() {
        let early = Moment::now();
        let origin = Clock::to_std(Instant(0));
        assert!(Clock::from_std(early.min(origin)) == Instant(0));
    }
}
