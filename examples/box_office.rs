//! Sells a concert hall: one ticket office, several clients, each a process of its own, over TCP, and a judge at the end
//! who reads what really happened. A call that ran twice would sell two seats.
//!
//! `cargo run --release --example box_office [-- --clients N] [--orders FILE] [--in-flight N]`
//!
//! With `--faults [--seed S]` a `carnegie::testing::Proxy` stands between clients and office that keeps breaking connections: in
//! the middle of frames, one direction alone, with bits that flip, requests that arrive late and answers that never do. Every
//! order is served all the same, once. `--without-dedup` is the same with a trait that calls `sell` idempotent, and **must be condemned**: it shows that the
//! faults are such as sell seats twice, and that the judge sees it.
//!
//! The exit code is the judge's: 0 if no order was executed twice and every ticket is the journal's (and, with `--faults`,
//! every order was served), 1 if not, 2 if the run did not come to its end.

#[path = "box_office/answer.rs"]
mod answer;
#[path = "box_office/client.rs"]
mod client;
#[path = "box_office/counts.rs"]
mod counts;
#[path = "box_office/desk.rs"]
mod desk;
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
use std::hash::{BuildHasher, RandomState};
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
    /// Breaks the clients' connections all the time.
    #[arg(long)]
    faults: bool,
    /// The same, and `sell` is marked idempotent: the judge will condemn it.
    #[arg(long)]
    without_dedup: bool,
    /// Draws the faults. Default: another one each time.
    #[arg(long, value_name = "S", default_value_t = any_seed(), hide_default_value = true)]
    seed: u64,
}

impl Plan {
    /// Whether connections break.
    fn faulty(&self) -> bool {
        self.faults || self.without_dedup
    }
}

/// Short enough to be typed.
fn any_seed() -> u64 {
    RandomState::new().hash_one(()) % 1_000_000
}

/// The example starts itself again in these.
#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Office {
        #[arg(long)]
        journal: PathBuf,
        #[arg(long)]
        slow: bool,
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
        Some(Role::Office { journal, slow }) => {
            ("the office".to_owned(), office::serve(&journal, slow).await.map(|()| true))
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
