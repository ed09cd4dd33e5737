//! How many retries a channel may make: a server that refuses everything must not be asked many times as often for it.

use super::Retry;
use crate::time::Instant;

/// Seconds that are looked back upon.
const WINDOW: usize = 10;

/// The calls and the retries of the last ten seconds, a bucket a second. Of retries there may be so many percent of the calls,
/// and so many a second besides: the latter let a channel with few calls retry at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    percent: u32,
    a_second: u32,
    buckets: [Bucket; WINDOW],
    /// The present second, counted from the origin of time.
    second: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    calls: u32,
    retries: u32,
}

impl Budget {
    pub(super) fn new(retry: &Retry) -> Self {
        Self { percent: retry.percent, a_second: retry.a_second, ..Self::default() }
    }

    /// A call was started.
    #[inline]
    pub(super) fn call(&mut self, now: Instant) {
        let bucket = self.bucket(now);
        bucket.calls = bucket.calls.saturating_add(1);
    }

    /// Whether one more retry may be made. If so, it is charged.
    pub(super) fn retry(&mut self, now: Instant) -> bool {
        self.bucket(now);
        let sum = |count: fn(&Bucket) -> u32| self.buckets.iter().map(|b| u64::from(count(b))).sum::<u64>();
        let (calls, retries) = (sum(|bucket| bucket.calls), sum(|bucket| bucket.retries));
        let allowed = calls * u64::from(self.percent) / 100 + u64::from(self.a_second) * WINDOW as u64;
        let may = retries < allowed;
        if may {
            self.bucket(now).retries += 1;
        }
        may
    }

    /// The present second's bucket; those that the window has left behind are emptied.
    #[inline]
    fn bucket(&mut self, now: Instant) -> &mut Bucket {
        let second = now.0 / 1_000_000_000;
        if second > self.second {
            self.turn(second);
        }
        &mut self.buckets[(self.second % WINDOW as u64) as usize]
    }

    #[cold]
    fn turn(&mut self, second: u64) {
        for passed in 0..(second - self.second).min(WINDOW as u64) {
            self.buckets[((second - passed) % WINDOW as u64) as usize] = Bucket::default();
        }
        self.second = second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    fn budget(percent: u32, a_second: u32) -> Budget {
        Budget::new(&Retry::default().percent(percent).a_second(a_second))
    }

    /// How many retries it allows at once, of a thousand.
    fn allowed(budget: &mut Budget, now: Instant) -> usize {
        (0..1000).filter(|_| budget.retry(now)).count()
    }

    #[test]
    fn a_fifth_of_the_calls_of_ten_seconds_and_ten_a_second_may_be_retried_by_default() {
        let mut budget = Budget::new(&Retry::default());
        for second in 100..110 {
            (0..50).for_each(|_| budget.call(at(second)));
        }
        assert_eq!(allowed(&mut budget, at(109)), 100 + 100);
    }

    #[test]
    fn a_retry_is_charged_for_ten_seconds() {
        let mut budget = budget(0, 1);
        assert_eq!(allowed(&mut budget, at(7)), 10);
        assert_eq!(allowed(&mut budget, at(16)), 0);
        assert_eq!(allowed(&mut budget, at(17)), 10);
    }

    #[test]
    fn a_call_counts_for_ten_seconds() {
        let mut budget = budget(100, 0);
        (0..3).for_each(|_| budget.call(at(0)));
        budget.call(at(5));
        assert_eq!(allowed(&mut budget.clone(), at(9)), 4);
        assert_eq!(allowed(&mut budget.clone(), at(10)), 1);
        assert_eq!(allowed(&mut budget, at(1_000)), 0);
    }

    #[test]
    fn a_refused_retry_costs_nothing() {
        let mut budget = budget(100, 0);
        assert_eq!(allowed(&mut budget, at(0)), 0);
        budget.call(at(0));
        assert_eq!(allowed(&mut budget, at(0)), 1);
    }

    #[test]
    fn a_clock_that_goes_back_empties_nothing() {
        let mut budget = budget(0, 1);
        assert_eq!(allowed(&mut budget, at(30)), 10);
        assert_eq!(allowed(&mut budget, at(2)), 0);
    }

    #[test]
    fn the_widest_settings_overflow_nothing() {
        let mut budget = Budget::new(&Retry::default().percent(u32::MAX).a_second(u32::MAX).sane());
        budget.buckets = [Bucket { calls: u32::MAX, retries: 0 }; WINDOW];
        assert!(budget.retry(Instant::default()));
        assert!(budget.retry(Instant::NEVER));
    }
}
