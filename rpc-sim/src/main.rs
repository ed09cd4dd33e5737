//! The command line of the simulator.

#[cfg(feature = "mutants")]
mod hunt;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rpc_sim::{Decisions, Fault, Options, Record, Row, Summary, run, run_seeds};
use std::path::PathBuf;
use std::process::ExitCode;

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
    summary.violated == 0
}

fn print(summary: &Summary) {
    for fault in Fault::ALL {
        println!("fault {:<20} {:>10}", fault.name(), summary.coverage.fault(*fault));
    }
    for row in Row::ALL {
        println!("row   {:<20} {:>10}", row.name(), summary.coverage.row(*row));
    }
    println!(
        "{} seeds, {} calls, {} requests, {} executed, {} results, {} unknown, {} events",
        summary.seeds,
        summary.calls,
        summary.requests,
        summary.executed,
        summary.results,
        summary.unknown,
        summary.events
    );
    println!("{} violations", summary.violated);
}
