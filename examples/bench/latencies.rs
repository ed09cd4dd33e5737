//! How long calls took, counted in buckets that no lock protects: who looks at them holds nobody up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets for each doubling of the time: they are less than 1 % wide.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.ilog2();

/// Times of 2^44 ns (five hours) and more are in the last bucket.
const BUCKETS: usize = ((45 - STEP_BITS) as usize) << STEP_BITS;

/// Counts of times. Their sum and the greatest of them are exact to the nanosecond.
pub(crate) struct Latencies {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    max: AtomicU64,
}

/// What was counted until some moment.
pub(crate) struct Counted {
    buckets: Vec<u64>,
    total: u64,
    sum: u64,
    max: u64,
}

/// Below [`STEPS`] ns each has its own, then `STEPS` of them are as wide as all before.
fn bucket(nanos: u64) -> usize {
    let bits = (u64::BITS - nanos.leading_zeros()).max(STEP_BITS + 1);
    let shift = bits - STEP_BITS - 1;
    let index = (u64::from(shift) << STEP_BITS) + (nanos >> shift);
    (index as usize).min(BUCKETS - 1)
}

/// The least time that is in this bucket.
fn least(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket >> STEP_BITS).saturating_sub(1);
    (bucket - (shift << STEP_BITS)) << shift
}

impl Latencies {
    pub(crate) fn new() -> Latencies {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Latencies { buckets, sum: AtomicU64::new(0), max: AtomicU64::new(0) }
    }

    pub(crate) fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        self.sum.fetch_add(nanos, Relaxed);
        self.max.fetch_max(nanos, Relaxed);
    }

    pub(crate) fn count<'a>(all: impl IntoIterator<Item = &'a Latencies>) -> Counted {
        let mut counted = Counted { buckets: vec![0; BUCKETS], total: 0, sum: 0, max: 0 };
        for one in all {
            for (sum, bucket) in counted.buckets.iter_mut().zip(&one.buckets) {
                let count = bucket.load(Relaxed);
                *sum += count;
                counted.total += count;
            }
            counted.sum += one.sum.load(Relaxed);
            counted.max = counted.max.max(one.max.load(Relaxed));
        }
        counted
    }
}

impl Counted {
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    pub(crate) fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum.checked_div(self.total).unwrap_or_default())
    }

    /// The time within which this share (0 to 1) of the calls ended, to 1 %.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut before = 0;
        let found = self.buckets.iter().position(|count| {
            before += count;
            before >= wanted
        });
        Duration::from_nanos(found.map_or(0, |bucket| least(bucket + 1) - 1).min(self.max))
    }

    /// How many took at least `from` and less than `to`, to the width of a bucket.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> u64 {
        let [from, to] = [from, to].map(|time| bucket(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
        self.buckets[from..to.max(from)].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_and_are_narrow() {
        assert!((0..BUCKETS - 1).all(|index| bucket(least(index)) == index));
        assert!((0..BUCKETS - 1).all(|index| bucket(least(index + 1) - 1) == index));
        let width = |index: usize| (least(index + 1) - least(index)) as f64 / least(index) as f64;
        assert!((STEPS as usize..BUCKETS - 1).all(|index| width(index) < 0.01));
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_right_to_one_per_cent() {
        let latencies = Latencies::new();
        (1..=1000).for_each(|micros| latencies.add(Duration::from_micros(micros)));
        let counted = Latencies::count([&latencies]);
        for (share, micros) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = counted.percentile(share).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.01, "{share}: {found}");
        }
        assert_eq!(counted.max(), Duration::from_millis(1));
        assert_eq!(counted.total(), 1000);
        assert_eq!(counted.mean(), Duration::from_nanos(500_500));
    }

    #[test]
    fn without_calls_everything_is_zero() {
        let counted = Latencies::count([&Latencies::new()]);
        let zero = Duration::ZERO;
        assert_eq!((counted.mean(), counted.percentile(0.99), counted.max()), (zero, zero, zero));
    }
}
