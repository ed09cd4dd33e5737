//! What came of the run.

use crate::latencies::{Counted, Latencies};
use crate::load::Load;
use crate::picture;
use crate::words::{counted, number, time};
use carnegie::Execution;
use std::time::Duration;

/// The share of calls that may be about to be sent when the time is over.
const UNSENT_MAX: f64 = 0.01;

/// What is counted when the time is over. Calls that are still under way then are waited for, and count in everything but the rate.
pub(crate) struct Window {
    lasted: Duration,
    answered: u64,
    started: u64,
    /// Calls that had been due.
    due: Option<u64>,
    processor: Option<Duration>,
}

impl Window {
    pub(crate) fn until_now(load: &Load, processor_before: Option<Duration>) -> Window {
        Window {
            lasted: load.start.elapsed(),
            answered: latencies(load).total(),
            started: load.started.load(std::sync::atomic::Ordering::Relaxed),
            due: load.rate.map(|rate| load.due_by_now(rate)),
            processor: processor_time().zip(processor_before).map(|(now, before)| now - before),
        }
    }
}

fn latencies(load: &Load) -> Counted {
    Latencies::count(load.counts.iter().map(|counts| &counts.latencies))
}

/// What this process has used of all processors.
pub(crate) fn processor_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(used).ok()
    }
    #[cfg(not(unix))]
    None
}

/// The summary. `title` says what was called, where and how.
pub(crate) fn print(load: &Load, window: &Window, given_up: u64, title: &str) {
    let answered = latencies(load);
    println!("{title}, {}\n", time(window.lasted));
    let rate = (window.answered as f64 / window.lasted.as_secs_f64()) as u64;
    println!("answered  {}, {} a second", counted(answered.total(), "call"), number(rate));
    match load.refused() {
        0 => {}
        refused => println!("  refused by the application, so executed: {}", number(refused)),
    }
    failures(load);
    if given_up > 0 {
        println!(
            "given up  {} that did not end: whether they were executed is not known",
            counted(given_up, "call")
        );
    }
    if answered.total() > 0 {
        println!("latency   {}", picture::percentiles(&answered));
        println!("          mean {}\n", time(answered.mean()));
        picture::histogram(&answered).iter().for_each(|row| println!("  {row}"));
    }
    println!();
    lateness(load, window);
    if let Some(used) = window.processor {
        let share = used.as_secs_f64() / window.lasted.as_secs_f64() * 100.0;
        println!("This program used {share:.0} % of a processor.");
    }
}

fn failures(load: &Load) {
    let failed = load.failed();
    if failed.is_empty() {
        return println!("failed    none");
    }
    let sum = |execution| {
        number(failed.iter().filter(|failed| failed.execution == execution).map(|failed| failed.count).sum())
    };
    println!(
        "failed    {}: not executed {}, executed {}, unknown {}",
        counted(failed.iter().map(|failed| failed.count).sum(), "call"),
        sum(Execution::NotExecuted),
        sum(Execution::Executed),
        sum(Execution::Unknown),
    );
    for failed in &failed {
        println!(
            "  {:>9}  {} ({}), first: {}",
            number(failed.count),
            failed.code,
            failed.execution,
            failed.first
        );
    }
}

/// What the clock of an open loop was worth.
fn lateness(load: &Load, window: &Window) {
    let Some(due) = window.due else { return };
    let late = Latencies::count(load.counts.iter().map(|counts| &counts.late));
    println!(
        "Sent later than due, which is in the latencies: p50 {}, p99 {}, max {}.",
        time(late.percentile(0.5)),
        time(late.percentile(0.99)),
        time(late.max()),
    );
    let unsent = due.saturating_sub(window.started);
    if unsent as f64 > UNSENT_MAX * due as f64 {
        println!(
            "The rate was not reached, {} of {} calls that were due were not sent: as many as --in-flight allows were under way, \
             or this program is too slow.",
            number(unsent),
            number(due)
        );
    }
}
