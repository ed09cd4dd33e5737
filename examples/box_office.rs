//! Sells a concert hall: one ticket office, several clients, each a process of its own, over TCP, and a judge at the end
//! who reads what really happened. A call that ran twice would sell two seats.
//!
//! `cargo run --release --example box_office [-- --clients N] [--orders FILE] [--in-flight N]`
//!
//! The exit code is the judge's: 0 if no order was executed twice and every ticket is the journal's, 1 if not, 2 if the
//! run did not come to its end.

#[path = "box_office/answer.rs"]
mod answer;
#[path = "box_office/client.rs"]
mod client;
#[path = "box_office/judge.rs"]
mod judge;
#[path = "box_office/office.rs"]
mod office;
#[path = "box_office/orders.rs"]
mod orders;
#[path = "box_office/process.rs"]
mod process;
#[path = "box_office/progress.rs"]
mod progress;
#[path = "box_office/report.rs"]
mod report;
#[path = "box_office/run.rs"]
mod run;
#[path = "box_office/service.rs"]
mod service;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Any error, in words for the person who started the example.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Sells a concert hall over RPC, from several processes, and judges whether any seat was sold twice.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    plan: Plan,
}

/// What is to be run.
#[derive(Clone, clap::Args)]
struct Plan {
    /// Client processes.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    clients: u32,
    /// The list of orders: `order,section,holder`.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/orders.csv"))]
    orders: PathBuf,
    /// Calls that each client has on their way at the same time.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    in_flight: u32,
}

/// The example starts itself again in these.
#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Office {
        #[arg(long)]
        journal: PathBuf,
    },
    #[command(hide = true)]
    Client {
        #[arg(long)]
        address: String,
        #[arg(long)]
        number: u32,
        #[command(flatten)]
        plan: Plan,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (who, done) = match arguments.role {
        None => ("box_office".to_owned(), run::run(&arguments.plan).await),
        Some(Role::Office { journal }) => {
            ("the office".to_owned(), office::serve(&journal).await.map(|()| true))
        }
        Some(Role::Client { address, number, plan }) => {
            (format!("client {number}"), client::buy(&address, number, &plan).await.map(|()| true))
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{who}: {error}");
            ExitCode::from(2)
        }
    }
}
