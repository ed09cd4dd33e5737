//! Carnegie beside its peers and raw TCP: everything that can be told apart by a clock, in ratios of one run.
//! `docs/benchmarks.md` says what is measured and how.
//!
//! One program in three roles: without a role it directs the run and prints the tables, and it starts itself again as
//! the server (`serve`) and the client (`call`) of every measurement.

mod cells;
mod cli;
mod closed;
mod contenders;
mod director;
mod measured;
mod open;
mod payload;
mod progress;
mod report;
mod results;
mod turns;

use carnegie_bench::{Failure, host};
use clap::Parser;
use cli::{Cli, Plan, Role};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    carnegie_bench::exit(match &cli.role {
        Some(Role::Serve(serve)) => contenders::serve(serve).map(|()| true),
        Some(Role::Call(call)) => contenders::call(call).map(|()| true),
        None => direct(&cli.plan),
    })
}

fn direct(plan: &Plan) -> Result<bool, Failure> {
    println!("{}", host::describe());
    if host::cpus()?.len() < 2 {
        println!("ONE CPU ONLY: client and server share it, so these figures compare with no others");
    }
    if cfg!(debug_assertions) {
        println!("BUILT WITHOUT --release: these figures mean nothing");
    }
    let results = director::run(plan)?;
    for (title, table) in report::tables(&results) {
        println!("\n{title}\n{table}");
    }
    Ok(true)
}
