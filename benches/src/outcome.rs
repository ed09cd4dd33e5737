//! What became of calls, and the figures of many of them.

use crate::stats::percentile;
use carnegie::{Code, Error, Execution};
use std::time::Duration;

/// What became of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// The server, or the client itself, had no room for it.
    Refused,
    Failed,
}

/// One call, in the order in which they were to be sent. Times since the first one.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When it was to be sent.
    pub due: Duration,
    /// How long after that it was sent.
    pub late: Duration,
    /// How long after that it had ended.
    pub took: Duration,
    pub outcome: Outcome,
}

impl Outcome {
    pub fn of<T>(result: &Result<T, Error>) -> Outcome {
        match result {
            Ok(_) => Outcome::Good,
            Err(error) if is_refusal(error) => Outcome::Refused,
            Err(_) => Outcome::Failed,
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    error.code() == Code::ResourceExhausted && error.execution() == Execution::NotExecuted
}

/// Figures of the calls that were due in a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Good calls that ended within the window, a second.
    pub goodput: f64,
    /// Of the good ones, in milliseconds from when they were due.
    pub p50: f64,
    pub p99: f64,
    pub good: u64,
    pub refused: u64,
    pub failed: u64,
    /// How late the calls were sent, in milliseconds: by the client's fault, and part of the latencies.
    pub late: f64,
}

impl Figures {
    pub fn of(samples: &[Sample], from: Duration, to: Duration) -> Figures {
        let due = || samples.iter().filter(|one| (from..to).contains(&one.due));
        let good = || due().filter(|one| one.outcome == Outcome::Good);
        let mut took: Vec<Duration> = good().map(|one| one.took).collect();
        let mut late: Vec<Duration> = due().map(|one| one.late).collect();
        took.sort_unstable();
        late.sort_unstable();
        let count = |outcome| due().filter(|one| one.outcome == outcome).count() as u64;
        let millis = |sorted: &[Duration], share| percentile(sorted, share).as_secs_f64() * 1e3;
        let ended = samples.iter().filter(|one| one.outcome == Outcome::Good);
        let ended = ended.filter(|one| (from..to).contains(&(one.due + one.took))).count();
        Figures {
            goodput: ended as f64 / (to - from).as_secs_f64(),
            p50: millis(&took, 0.5),
            p99: millis(&took, 0.99),
            good: took.len() as u64,
            refused: count(Outcome::Refused),
            failed: count(Outcome::Failed),
            late: millis(&late, 0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_where_they_were_due_and_goodput_where_they_ended() {
        let sample = |due, took, outcome| Sample {
            due: Duration::from_millis(due),
            late: Duration::ZERO,
            took: Duration::from_millis(took),
            outcome,
        };
        let samples = [
            sample(100, 5, Outcome::Good),
            sample(990, 20, Outcome::Good),
            sample(500, 1, Outcome::Refused),
            sample(1500, 1, Outcome::Good),
        ];
        let figures = Figures::of(&samples, Duration::ZERO, Duration::from_secs(1));
        assert_eq!((figures.good, figures.refused, figures.failed), (2, 1, 0));
        assert_eq!((figures.goodput, figures.p99), (1.0, 20.0));
    }
}
