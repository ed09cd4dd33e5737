//! The command line, and what the example does in each of its processes.

#[path = "../box_office/answer.rs"]
pub(crate) mod answer;
pub(crate) mod buyer;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod dice;
pub(crate) mod gathering;
#[allow(dead_code, reason = "these offices never run out of seats")]
#[path = "../box_office/service.rs"]
pub(crate) mod hall;
pub(crate) mod history;
#[path = "../box_office/judge.rs"]
pub(crate) mod judge;
pub(crate) mod keeper;
pub(crate) mod linearizable;
#[path = "../kv/log.rs"]
pub(crate) mod log;
pub(crate) mod never;
pub(crate) mod office;
#[path = "../box_office/process.rs"]
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod servers;
#[path = "../kv/service.rs"]
pub(crate) mod service;
#[allow(dead_code, reason = "nobody asks how many keys there are")]
#[path = "../kv/store.rs"]
pub(crate) mod store;
pub(crate) mod tally;
pub(crate) mod trouble;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

/// Any error, in words for the person who started the example.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

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
pub(crate) struct Plan {
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
pub(crate) async fn run_role() {
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
