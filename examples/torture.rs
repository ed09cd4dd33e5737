//! Tortures servers, and has it judged whether they kept their promises: two ticket offices and a key-value store, each a process of
//! its own behind a line that breaks, killed by `kill -9`, stopped and continued, drained and started again, all the time; clients in other
//! processes buy tickets and work on keys meanwhile, and ask what became of calls whose answer did not come.
//!
//! `cargo run --release --example torture -- --minutes N [--seed S]`
//!
//! The offices' reply cache is in memory, so calls that were under way to a server that was killed are `Unknown` for good: that is
//! allowed. That an acknowledged ticket is not in the journal is not, nor a seat that was sold twice, an order that was executed
//! twice, or one that was executed although its caller was told that it was not. What the clients of the store did and saw is checked for
//! linearizability by the checker of another project.
//!
//! With `--without-dedup` the offices' trait says that `sell` is idempotent; with `--stale-reads` the store answers
//! reads from what it read before. Both **must be condemned**: it shows that the troubles are such as do harm, and that it is seen.
//!
//! The exit code: 0 if every promise was kept, 1 if not, 2 if the run did not come to its end. It needs Unix: signals, a clock that
//! processes share.

#[path = "box_office/answer.rs"]
mod answer;
#[path = "torture/buyer.rs"]
mod buyer;
#[path = "torture/client.rs"]
mod client;
#[path = "torture/clock.rs"]
mod clock;
#[path = "torture/dice.rs"]
mod dice;
#[path = "torture/gathering.rs"]
mod gathering;
#[allow(dead_code, reason = "these offices never run out of seats")]
#[path = "box_office/service.rs"]
mod hall;
#[path = "torture/history.rs"]
mod history;
#[path = "box_office/judge.rs"]
mod judge;
#[path = "torture/keeper.rs"]
mod keeper;
#[path = "torture/linearizable.rs"]
mod linearizable;
#[path = "kv/log.rs"]
mod log;
#[path = "torture/never.rs"]
mod never;
#[path = "torture/office.rs"]
mod office;
#[path = "box_office/process.rs"]
mod process;
#[path = "torture/progress.rs"]
mod progress;
#[path = "torture/report.rs"]
mod report;
#[path = "torture/run.rs"]
mod run;
#[path = "torture/servers.rs"]
mod servers;
#[path = "kv/service.rs"]
mod service;
#[allow(dead_code, reason = "nobody asks how many keys there are")]
#[path = "kv/store.rs"]
mod store;
#[path = "torture/tally.rs"]
mod tally;
#[path = "torture/trouble.rs"]
mod trouble;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

/// Any error, in words for the person who started the example.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What it takes to close a connection in order.
const FAREWELL: Duration = Duration::from_millis(100);

/// Kills, stops and drains servers and breaks their lines while clients work, and judges whether every promise was kept.
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
    /// How long.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = minutes)]
    minutes: f64,
    /// Draws the troubles. Default: others each time. Which calls they hit depends on how fast the processes run.
    #[arg(long, value_name = "S", default_value_t = any_seed(), hide_default_value = true)]
    seed: u64,
    /// Client processes of the offices.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    buyers: u32,
    /// Client processes of the store.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    keepers: u32,
    /// Calls that each client has on their way at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    in_flight: u32,
    /// The most orders that each buyer gives in a second. All are in memory when they are judged.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// `sell` is marked idempotent, which it is not: the judge will condemn it.
    #[arg(long)]
    without_dedup: bool,
    /// The store answers reads from what it read before: the checker will condemn it.
    #[arg(long)]
    stale_reads: bool,
}

impl Plan {
    /// What clients are told of it.
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        for (name, value) in
            [("--seed", self.seed), ("--in-flight", self.in_flight.into()), ("--rate", self.rate.into())]
        {
            arguments.extend([name.into(), value.to_string().into()]);
        }
        arguments.extend(self.without_dedup.then(|| "--without-dedup".into()));
        arguments
    }
}

fn minutes(text: &str) -> std::result::Result<f64, String> {
    let minutes = text.parse().map_err(|e| format!("{e}"))?;
    if (0.01..=100_000.0).contains(&minutes) { Ok(minutes) } else { Err("0.01 to 100,000 minutes".into()) }
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
        number: u32,
    },
    #[command(hide = true)]
    Store {
        #[arg(long)]
        file: PathBuf,
        #[arg(long)]
        stale: bool,
    },
    #[command(hide = true)]
    Buyer {
        #[arg(long)]
        addresses: String,
        #[arg(long)]
        number: u32,
        #[command(flatten)]
        plan: Plan,
    },
    #[command(hide = true)]
    Keeper {
        #[arg(long)]
        address: String,
        #[arg(long)]
        number: u32,
        #[arg(long)]
        history: PathBuf,
        #[command(flatten)]
        plan: Plan,
    },
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let calls = matches!(arguments.role, Some(Role::Buyer { .. } | Role::Keeper { .. }));
    let (who, done) = match arguments.role {
        None => ("torture".to_owned(), run::run(&arguments.plan).await),
        Some(Role::Office { journal, number }) => {
            (format!("office {number}"), office::serve(&journal, number).await.map(|()| true))
        }
        Some(Role::Store { file, stale }) => {
            ("the store".to_owned(), servers::keep(&file, stale).await.map(|()| true))
        }
        Some(Role::Buyer { addresses, number, plan }) => {
            (format!("buyer {number}"), buyer::buy(&addresses, number, &plan).await.map(|()| true))
        }
        Some(Role::Keeper { address, number, history, plan }) => {
            let kept = keeper::keep(&address, number, &history, &plan).await;
            (format!("keeper {number}"), kept.map(|()| true))
        }
    };
    let code = match done {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("{who}: {error}");
            2
        }
    };
    if calls {
        // Its channel was dropped just now: the server is told, instead of waiting for a client that does not come back.
        tokio::time::sleep(FAREWELL).await;
    }
    // At once: a thread may still wait for a word that will not come.
    std::process::exit(code);
}
