//! The small bench: one connection, 32-byte echo, 1, 64 and 512 calls in flight; Carnegie beside a raw tokio echo and
//! tarpc in the same run. `README.md` beside `Cargo.toml` says what is measured and how.
//!
//! One program in three roles: without a role it directs the run and prints the table, and it starts itself again as
//! the server (`serve`) and the client (`call`) of every measurement.

mod args;
mod contender;
mod direct;
mod load;
mod raw;
mod report;
mod with_carnegie;
mod with_tarpc;

use carnegie_bench::{Failure, host, stats};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = args::Role::from_command_line().and_then(|role| match role {
        args::Role::Direct(plan) => direct::run(&plan),
        args::Role::Serve(contender) => contender::serve(contender).map(|()| true),
        args::Role::Call(call) => contender::call(&call).map(|()| true),
        args::Role::Help => {
            print!("{}", args::HELP);
            Ok(true)
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}
