//! Makes a case small: decisions are turned into zeros, block by block, as long as the same promise is broken.

use crate::decisions::{Decisions, Record};
use crate::runner::{Options, run};

/// The promise that a record breaks, if it breaks one.
fn broken(record: &Record, options: &Options) -> Option<&'static str> {
    let report = run(Decisions::replay(record.clone()), options);
    report.violations.first().map(|violation| violation.check)
}

/// A record that breaks the same promise with as few decisions other than zero as `tries` runs can find. `None` if the record
/// breaks none.
pub fn shrink(record: &Record, options: &Options, mut tries: u32) -> Option<Record> {
    let check = broken(record, options)?;
    let mut best = record.clone();
    best.trim();
    for parts in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        for stream in 0..best.streams_mut().len() {
            let length = best.streams_mut()[stream].len();
            let block = length.div_ceil(parts).max(1);
            let mut end = length;
            // From the end: what comes late is needed least.
            while end > 0 && tries > 0 {
                let start = end.saturating_sub(block);
                let mut smaller = best.clone();
                let numbers = &mut smaller.streams_mut()[stream][start..end];
                end = start;
                if numbers.iter().all(|number| *number == 0) {
                    continue;
                }
                numbers.fill(0);
                tries -= 1;
                if broken(&smaller, options) == Some(check) {
                    best = smaller;
                }
            }
        }
    }
    best.trim();
    Some(best)
}
