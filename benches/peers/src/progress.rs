//! One line that says how far the run is and how long it will take.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Without a terminal, a line now and then.
const SELDOM: Duration = Duration::from_secs(30);

pub(crate) struct Progress {
    begun: Instant,
    said: Option<Instant>,
    /// How long everything takes by the plan, and how much of that is done.
    planned: Duration,
    done: Duration,
}

impl Progress {
    pub(crate) fn new(planned: Duration) -> Progress {
        Progress { begun: Instant::now(), said: None, planned, done: Duration::ZERO }
    }

    pub(crate) fn show(&mut self, doing: &str) {
        let mut out = std::io::stderr();
        let left = left(self.begun.elapsed(), self.done, self.planned).as_secs();
        let text = format!("{}:{:02} left, {doing}", left / 60, left % 60);
        // A terminal that went away takes nothing from the measurements.
        if out.is_terminal() {
            let _ = write!(out, "\r{text:<78}\r").and_then(|()| out.flush());
        } else if self.said.is_none_or(|said| said.elapsed() > SELDOM) {
            self.said = Some(Instant::now());
            let _ = writeln!(out, "{text}");
        }
    }

    pub(crate) fn done(&mut self, planned: Duration) {
        self.done += planned;
    }

    pub(crate) fn end(&self) {
        let mut out = std::io::stderr();
        if out.is_terminal() {
            let _ = write!(out, "\r{:<78}\r", "").and_then(|()| out.flush());
        }
    }
}

/// As planned, or longer or shorter by as much as what is done took longer or shorter.
fn left(elapsed: Duration, done: Duration, planned: Duration) -> Duration {
    let pace = if done.is_zero() { 1.0 } else { elapsed.as_secs_f64() / done.as_secs_f64() };
    planned.saturating_sub(done).mul_f64(pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_the_pace_so_far() {
        let seconds = Duration::from_secs;
        assert_eq!(left(seconds(0), seconds(0), seconds(100)), seconds(100));
        assert_eq!(left(seconds(20), seconds(10), seconds(100)), seconds(180));
        assert_eq!(left(seconds(300), seconds(110), seconds(100)), seconds(0));
    }
}
