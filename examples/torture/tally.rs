//! What became of the calls of one client, as a line of text to the process that adds it up.

use carnegie::{Error, Execution, Resolution};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a client waits for what became of a call.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls, by what their caller was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// How much was to be done, orders or operations: each takes one call or several.
    pub(crate) wanted: u64,
    pub(crate) calls: u64,
    /// An answer came, at once or when it was asked for later.
    pub(crate) acknowledged: u64,
    pub(crate) not_executed: u64,
    pub(crate) unknown: u64,
    /// Of the unknown ones, those of which it became known later.
    pub(crate) resolved_executed: u64,
    pub(crate) resolved_not_executed: u64,
    /// And those of which nobody will ever know.
    pub(crate) unknown_for_good: u64,
    /// What took longest, with all of its calls.
    pub(crate) longest_micros: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.wanted += other.wanted;
        self.calls += other.calls;
        self.acknowledged += other.acknowledged;
        self.not_executed += other.not_executed;
        self.unknown += other.unknown;
        self.resolved_executed += other.resolved_executed;
        self.resolved_not_executed += other.resolved_not_executed;
        self.unknown_for_good += other.unknown_for_good;
        self.longest_micros = self.longest_micros.max(other.longest_micros);
    }
}

/// What is certain of a call in the end.
pub(crate) enum End<T> {
    Answered(T),
    /// It ran, and the answer is lost.
    Executed,
    NotExecuted,
    Unknown,
}

/// The tally of all tasks of a client.
#[derive(Default)]
pub(crate) struct Book(Mutex<Tally>);

impl Book {
    pub(crate) fn total(&self) -> Tally {
        *self.0.lock().expect("nobody panics with it")
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().expect("nobody panics with it"));
    }

    pub(crate) fn took(&self, since: Instant) {
        let micros = since.elapsed().as_micros() as u64;
        self.count(|tally| tally.longest_micros = tally.longest_micros.max(micros));
    }

    /// An at-most-once call has failed: asks what became of it, if need be.
    pub(crate) async fn failed<T>(
        &self,
        error: &Error,
        asking: impl Future<Output = Resolution<T>>,
    ) -> End<T> {
        match error.execution() {
            Execution::NotExecuted => {
                self.count(|tally| tally.not_executed += 1);
                return End::NotExecuted;
            }
            Execution::Executed => return End::Executed,
            Execution::Unknown => self.count(|tally| tally.unknown += 1),
        }
        match timeout(PATIENCE, asking).await {
            Ok(Resolution::Executed(answer)) => {
                self.count(|tally| {
                    tally.resolved_executed += 1;
                    tally.acknowledged += u64::from(answer.is_some());
                });
                answer.map_or(End::Executed, End::Answered)
            }
            Ok(Resolution::NotExecuted) => {
                self.count(|tally| tally.resolved_not_executed += 1);
                End::NotExecuted
            }
            Ok(Resolution::Unknown { .. }) | Err(_) => {
                self.count(|tally| tally.unknown_for_good += 1);
                End::Unknown
            }
        }
    }
}
