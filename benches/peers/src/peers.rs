//! Carnegie beside its peers and raw TCP: everything that can be told apart by a clock, in ratios of one run.
//! `docs/benchmarks.md` says what is measured and how.
//!
//! One program in three roles: without a role it directs the run and prints the tables, and it starts itself again as
//! the server (`serve`) and the client (`call`) of every measurement.

mod about;
mod cells;
mod chart;
mod cli;
mod closed;
mod contenders;
mod director;
mod document;
mod files;
mod measured;
mod open;
mod payload;
mod progress;
mod report;
mod results;
mod syscalls;
mod targets;
mod turns;

use carnegie_bench::{Failure, host};
use clap::Parser;
use cli::{Cli, Plan, Role};
use results::Results;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(std::io::stderr).init();
    let cli = Cli::parse();
    carnegie_bench::exit(match &cli.role {
        Some(Role::Serve(serve)) => contenders::serve(serve).map(|()| true),
        Some(Role::Call(call)) => contenders::call(call).map(|()| true),
        None => direct(&cli.plan),
    })
}

fn direct(plan: &Plan) -> Result<bool, Failure> {
    let results = match &plan.from {
        Some(folder) => files::read(folder)?,
        None => measure(plan)?,
    };
    println!("{}", report::about(&results));
    for (title, table) in report::tables(&results) {
        println!("\n{title}\n{table}");
    }
    println!("\nTargets\n{}", report::targets(&results));
    let folder = plan.folder()?;
    chart::write(&results, &folder)?;
    println!("\n{} is in {}", chart::FILE, folder.display());
    for file in &plan.markdown {
        document::rewrite(file, |name| report::block(&results, name))?;
    }
    for failure in &results.failures {
        eprintln!("not measured: {failure}");
    }
    let in_part = plan.syscalls || !plan.only.is_empty();
    Ok(results.failures.is_empty() && (!plan.check || targets::hold(&results, in_part)))
}

fn measure(plan: &Plan) -> Result<Results, Failure> {
    let about = about::line(plan);
    eprintln!("{about}");
    if host::cpus()?.len() < 2 {
        eprintln!("ONE CPU ONLY: client and server share it, so these figures compare with no others");
    }
    if cfg!(debug_assertions) {
        eprintln!("BUILT WITHOUT --release: these figures mean nothing");
    }
    let folder = plan.folder()?;
    let mut results = Results { about, ..Results::default() };
    director::run(plan, &mut results, |so_far| files::write(so_far, &folder))?;
    if plan.counts() {
        syscalls::run(plan, &mut results)?;
    }
    files::write(&results, &folder)?;
    println!("{} and {} are in {}\n", files::MEASUREMENTS, files::SYSTEM_CALLS, folder.display());
    Ok(results)
}
