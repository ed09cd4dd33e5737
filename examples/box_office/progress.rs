//! How far the run is: a bar on a terminal, a line at every tenth elsewhere.

use crate::answer::{Answer, Outcome};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};

pub(crate) struct Progress {
    /// `None`: there is no terminal.
    bar: Option<ProgressBar>,
    orders: u64,
    answered: u64,
    sold: u64,
    sold_out: u64,
    failed: u64,
}

impl Progress {
    pub(crate) fn new(orders: u64) -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} orders, {msg}");
            ProgressBar::new(orders).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { bar, orders, answered: 0, sold: 0, sold_out: 0, failed: 0 }
    }

    pub(crate) fn answered(&mut self, answer: &Answer) {
        match answer.outcome {
            Outcome::Sold { .. } => self.sold += 1,
            Outcome::SoldOut => self.sold_out += 1,
            Outcome::Failed { .. } => self.failed += 1,
        }
        self.answered += 1;
        let counts = format!("{} sold, {} sold out, {} failed", self.sold, self.sold_out, self.failed);
        let tenth = self.orders.div_ceil(10);
        match &self.bar {
            Some(bar) => {
                bar.set_message(counts);
                bar.set_position(self.answered);
            }
            None if self.answered.is_multiple_of(tenth) || self.answered == self.orders => {
                eprintln!("{:>6} of {} orders: {counts}", self.answered, self.orders);
            }
            None => {}
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
