//! From a seed to a report, and from many seeds to a summary.

use crate::checks::Violation;
use crate::coverage::Coverage;
use crate::decisions::{Decisions, Record};
use crate::journal::End;
use crate::world::World;
use rpc_core::Execution;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Of so many seeds one is run twice, and must leave the same trace.
const TWICE_IN: u64 = 50;

/// How many failures a summary keeps.
const FAILURES_MAX: usize = 10;

/// What a run is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many calls are made. Default 1,000.
    pub calls: u32,
    /// Keep a line for everything that happens. Default: no.
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { calls: 1000, trace: false }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Of all events and all bytes: the same for every run of the same decisions.
    pub hash: u64,
    /// Things that happened.
    pub events: u64,
    /// Calls that were made.
    pub calls: u64,
    /// Handlers that were entered.
    pub executed: u64,
    /// Requests that were written, copies included.
    pub requests: u64,
    /// Calls that ended with a result.
    pub results: u64,
    /// Calls that ended without it being known whether they ran.
    pub unknown: u64,
    /// What was met.
    pub coverage: Coverage,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// What happened, if that was asked for.
    pub lines: Vec<String>,
    /// What was decided, if that was asked for.
    pub record: Option<Record>,
}

impl Report {
    fn failed(violation: Violation) -> Self {
        Self { violations: vec![violation], ..Self::default() }
    }
}

/// Runs a world to its end.
pub fn run(decisions: Decisions, options: &Options) -> Report {
    let mut world = World::new(decisions, options.calls, options.trace);
    world.run();
    let ended = |wanted: fn(&End) -> bool| {
        let all = world.journal.calls.iter();
        all.filter(|call| call.end.is_some_and(|(_, end)| wanted(&end))).count() as u64
    };
    Report {
        hash: world.trace.hash(),
        events: world.trace.events(),
        calls: world.journal.calls.len() as u64,
        executed: world.journal.executed,
        requests: world.journal.requests,
        results: ended(|end| matches!(end, End::Result { .. })),
        unknown: ended(|end| matches!(end, End::Failed(Execution::Unknown))),
        coverage: world.coverage,
        violations: world.violations,
        lines: world.trace.into_lines(),
        record: world.decisions.into_record(),
    }
}

/// What came of many runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs.
    pub seeds: u64,
    /// Calls in all of them.
    pub calls: u64,
    /// Handlers that were entered.
    pub executed: u64,
    /// Requests that were written, copies included.
    pub requests: u64,
    /// Calls that ended with a result.
    pub results: u64,
    /// Calls that ended without it being known whether they ran.
    pub unknown: u64,
    /// Things that happened.
    pub events: u64,
    /// What was met.
    pub coverage: Coverage,
    /// Runs in which something was that must not be.
    pub violated: u64,
    /// The first of them, by seed.
    pub failures: Vec<(u64, Violation)>,
}

impl Summary {
    fn add(&mut self, seed: u64, report: &Report) {
        self.seeds += 1;
        self.calls += report.calls;
        self.executed += report.executed;
        self.requests += report.requests;
        self.results += report.results;
        self.unknown += report.unknown;
        self.events += report.events;
        self.coverage += &report.coverage;
        if let Some(violation) = report.violations.first() {
            self.violated += 1;
            self.failures.push((seed, violation.clone()));
            self.failures.sort_by_key(|(seed, _)| *seed);
            self.failures.truncate(FAILURES_MAX);
        }
    }
}

/// Runs seeds `first..first + count` on so many threads. `done` is told of each; if it says `false`, no further ones are
/// begun.
pub fn run_seeds(
    first: u64,
    count: u64,
    threads: usize,
    options: &Options,
    done: &(dyn Fn(u64, &Report) -> bool + Sync),
) -> Summary {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let seed = first.wrapping_add(number);
                    let report = run_checked(seed, options);
                    if !done(seed, &report) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    // A run that panics poisons nothing here: it holds no lock.
                    summary.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).add(seed, &report);
                }
            });
        }
    });
    summary.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Runs a seed; that something panics is a violation like any other.
fn run_caught(seed: u64, options: &Options) -> Report {
    // Nothing of a world that has panicked is used any more.
    std::panic::catch_unwind(|| run(Decisions::from_seed(seed), options)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let what = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?").to_owned();
        Report::failed(Violation { check: "no-panic", what, at: rpc_core::Instant(0) })
    })
}

/// Some seeds are run twice: the same decisions must leave the same trace.
fn run_checked(seed: u64, options: &Options) -> Report {
    let mut report = run_caught(seed, options);
    if seed.is_multiple_of(TWICE_IN) {
        let again = run_caught(seed, options);
        if again.hash != report.hash {
            let what =
                format!("the traces of two runs have the hashes {:x} and {:x}", report.hash, again.hash);
            report.violations.push(Violation {
                check: "same-seed-same-trace",
                what,
                at: rpc_core::Instant(0),
            });
        }
    }
    report
}
