//! The command line of the simulator.

#[cfg(feature = "mutants")]
mod hunt;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rpc_sim::{Decisions, Fault, MET, MET_IN, Options, Record, Row, Summary, run, run_seeds, shrink};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs that shrinking may take.
const SHRINKING_MAX: u32 = 3000;

/// Runs clients and servers in a faulty world, one world a seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Worlds that run at a time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Calls in each world.
    #[arg(long, default_value_t = 1000)]
    calls: u32,
    /// Run one seed and print everything that happens.
    #[arg(long)]
    trace: bool,
    /// Switch on one bug after the other, those whose names contain this, and find each.
    #[cfg(feature = "mutants")]
    #[arg(long, num_args = 0..=1, default_missing_value = "")]
    hunt: Option<String>,
    /// Run one seed and write what was decided to this file.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Make what is recorded as small as it can be while the same promise is broken.
    #[arg(long)]
    shrink: bool,
    /// Run what such a file holds.
    #[arg(long)]
    replay: Option<PathBuf>,
}

fn main() -> ExitCode {
    match act(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was that must not be.
fn act(arguments: &Arguments) -> Result<bool, String> {
    #[cfg(feature = "mutants")]
    if let Some(wanted) = &arguments.hunt {
        let options = Options { calls: arguments.calls, trace: false };
        return Ok(hunt::hunt(wanted, arguments.seed, arguments.seeds, arguments.threads, &options));
    }
    if !arguments.trace && arguments.record.is_none() && arguments.replay.is_none() {
        return Ok(many(arguments));
    }
    let mut decisions = match &arguments.replay {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Decisions::replay(Record::from_text(&text)?)
        }
        None => Decisions::from_seed(arguments.seed),
    };
    if arguments.record.is_some() {
        decisions = decisions.recorded();
    }
    let report = run(decisions, &Options { calls: arguments.calls, trace: arguments.trace });
    for line in &report.lines {
        println!("{line}");
    }
    for violation in &report.violations {
        println!("VIOLATION {violation}");
    }
    println!("{} events, {} calls, hash {:x}", report.events, report.calls, report.hash);
    if let (Some(file), Some(mut record)) = (&arguments.record, report.record) {
        record.trim();
        if arguments.shrink {
            let options = Options { calls: arguments.calls, trace: false };
            record = shrink(&record, &options, SHRINKING_MAX).unwrap_or(record);
        }
        std::fs::write(file, record.to_text()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(report.violations.is_empty())
}

fn many(arguments: &Arguments) -> bool {
    let bar = ProgressBar::new(arguments.seeds);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} seeds, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    let options = Options { calls: arguments.calls, trace: false };
    let summary = run_seeds(arguments.seed, arguments.seeds, arguments.threads, &options, &|seed, report| {
        if let Some(violation) = report.violations.first() {
            bar.suspend(|| println!("seed {seed}: {violation}"));
        }
        bar.inc(1);
        true
    });
    bar.finish_and_clear();
    print(&summary);
    let rare = if summary.seeds >= MET_IN { summary.coverage.rare(MET) } else { Vec::new() };
    if !rare.is_empty() {
        println!("met less than {MET} times: {}", rare.join(", "));
    }
    summary.violated == 0 && rare.is_empty()
}

/// What was met, in two columns.
fn print(summary: &Summary) {
    let faults = Fault::ALL.iter().map(|fault| (fault.name(), summary.coverage.fault(*fault)));
    let mut rows = Row::ALL.iter().map(|row| (row.name(), summary.coverage.row(*row)));
    println!("{:<20} {:>10}   {:<20} {:>10}", "faults", "hits", "rows of the table", "met");
    for (name, hits) in faults {
        match rows.next() {
            Some((row, met)) => println!("{name:<20} {hits:>10}   {row:<20} {met:>10}"),
            None => println!("{name:<20} {hits:>10}"),
        }
    }
    rows.for_each(|(row, met)| println!("{:<31}   {row:<20} {met:>10}", ""));
    let Summary { seeds, calls, requests, executed, results, unknown, events, .. } = summary;
    println!(
        "{seeds} seeds, {calls} calls, {requests} requests written, {executed} executed, {events} events"
    );
    println!("{results} calls ended with a result, {unknown} as unknown");
    println!("{} seeds with violations", summary.violated);
}
