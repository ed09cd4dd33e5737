//! How far the run is: a bar on a terminal, a line every ten seconds elsewhere.

use crate::gathering::{Gathered, Kind};
use crate::trouble::Troubles;
use carnegie::testing::Counts;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Between two lines, and between two pictures of the bar.
const LINES: Duration = Duration::from_secs(10);
const PICTURES: Duration = Duration::from_millis(200);

pub(crate) struct Progress {
    /// `None`: there is no terminal.
    bar: Option<ProgressBar>,
    /// When to say something next, since the start.
    next: Duration,
}

impl Progress {
    pub(crate) fn new(duration: Duration) -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} s\n{wide_msg}");
            ProgressBar::new(duration.as_secs())
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { bar, next: Duration::ZERO }
    }

    pub(crate) fn show(
        &mut self,
        elapsed: Duration,
        troubles: &Troubles,
        faults: Counts,
        gathered: &Gathered,
    ) {
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + if self.bar.is_some() { PICTURES } else { LINES };
        let (buyers, keepers) = (gathered.tally(Kind::Buyer), gathered.tally(Kind::Keeper));
        let [kills, stops, drains] = [&troubles.kills, &troubles.stops, &troubles.drains]
            .map(|counter| counter.load(Ordering::Relaxed));
        let text = format!(
            "{kills} kills, {stops} stops, {drains} drains, {} faults; {} tickets, {} answers of the store, {} unknown for good",
            faults.faults(),
            buyers.acknowledged,
            keepers.acknowledged,
            buyers.unknown_for_good + keepers.unknown_for_good,
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position(elapsed.as_secs());
                bar.set_message(text);
            }
            None => eprintln!("{:>4} s: {text}", elapsed.as_secs()),
        }
    }
}

impl Drop for Progress {
    // Also if the run is broken off, so that the error stands on a line of its own.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
