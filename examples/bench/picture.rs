//! The latencies as bars.

use crate::latencies::Counted;
use crate::words::time;
use std::time::Duration;

/// Characters of the longest bar.
const WIDTH: u64 = 40;

/// A row begins at each of these, times a power of ten: at the first ones if that makes no more than [`ROWS_MAX`].
const ROWS: [&[u64]; 2] = [&[10, 15, 20, 30, 50, 70], &[10, 20, 50]];

/// With what stands around them, they fit into a terminal of 24 lines.
const ROWS_MAX: usize = 18;

/// Rows that hold less than this share of the calls, at either end, are left out; what they hold is in the percentiles.
const SHARE_MIN: f64 = 0.0001;

/// The bounds of rows from 100 ns to a day.
fn bounds(rows: &[u64]) -> Vec<Duration> {
    let powers = (1..13).map(|power| 10_u64.pow(power));
    powers.flat_map(|power| rows.iter().map(move |row| Duration::from_nanos(row * power))).collect()
}

/// `p50 62.9 µs  p90 ..`
pub(crate) fn percentiles(counted: &Counted) -> String {
    let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
    let all = shares.map(|(name, share)| format!("{name} {:<9}", time(counted.percentile(share))));
    format!("{} max {}", all.join(" "), time(counted.max()))
}

/// One row each for the times that calls took, the shortest first.
pub(crate) fn histogram(counted: &Counted) -> Vec<String> {
    let [fine, coarse] = ROWS.map(|rows| filled(counted, &bounds(rows)));
    let rows = if fine.len() > ROWS_MAX { coarse } else { fine };
    let greatest = rows.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let row = |(from, count): &(Duration, u64)| {
        let share = *count as f64 / counted.total() as f64 * 100.0;
        format!("{:>7} {:<width$} {share:>6.2} %", time(*from), bar(*count, greatest), width = WIDTH as usize)
    };
    rows.iter().map(row).collect()
}

/// Where a row begins, and what it holds; from the first to the last that holds something.
fn filled(counted: &Counted, bounds: &[Duration]) -> Vec<(Duration, u64)> {
    let mut rows: Vec<_> =
        bounds.windows(2).map(|pair| (pair[0], counted.between(pair[0], pair[1]))).collect();
    let least = ((SHARE_MIN * counted.total() as f64) as u64).max(1);
    let Some(last) = rows.iter().rposition(|(_, count)| *count >= least) else { return Vec::new() };
    rows.truncate(last + 1);
    rows.into_iter().skip_while(|(_, count)| *count < least).collect()
}

/// In eighths of a character. Whatever is there is seen.
fn bar(count: u64, greatest: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let mut eighths = (u128::from(count) * u128::from(WIDTH * 8) / u128::from(greatest)) as usize;
    if count > 0 {
        eighths = eighths.max(1);
    }
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latencies::Latencies;

    #[test]
    fn the_longest_bar_is_the_most_frequent_time() {
        let latencies = Latencies::new();
        (0..90).for_each(|_| latencies.add(Duration::from_micros(55)));
        (0..10).for_each(|_| latencies.add(Duration::from_micros(120)));
        let rows = histogram(&Latencies::count([&latencies]));
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows[0].starts_with("  50 µs ████") && rows[0].ends_with("90.00 %"), "{rows:?}");
        assert!(rows[1].starts_with("  70 µs   ") && rows[1].ends_with("  0.00 %"), "{rows:?}");
        assert!(rows[2].starts_with(" 100 µs ████▍ ") && rows[2].ends_with("10.00 %"), "{rows:?}");
    }

    #[test]
    fn times_that_lie_far_apart_are_shown_in_fewer_rows() {
        let latencies = Latencies::new();
        for micros in [55, 55_000_000] {
            latencies.add(Duration::from_micros(micros));
        }
        let rows = histogram(&Latencies::count([&latencies]));
        assert_eq!(rows.len(), 19, "{rows:?}");
        assert!(rows[1].starts_with(" 100 µs ") && rows[2].starts_with(" 200 µs "), "{rows:?}");
    }

    #[test]
    fn without_calls_there_are_no_bars() {
        assert!(histogram(&Latencies::count([&Latencies::new()])).is_empty());
    }
}
