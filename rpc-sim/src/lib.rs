//! A world in one thread: clients, servers and a faulty network around the engines of `rpc-core`, under a time of its own,
//! everything decided by one seed.
//!
//! The engines are the very code that ships; the world calls them as a driver does and is free to crash, pause, delay,
//! cut, corrupt and repeat around every step. What must never be is checked while it runs and when all is healed.
//!
//! ```
//! use rpc_sim::{Decisions, Options, run};
//!
//! let report = run(Decisions::from_seed(1), &Options { calls: 50, ..Options::default() });
//! assert!(report.violations.is_empty());
//! ```

mod checks;
mod client_host;
mod clock;
mod coverage;
mod decisions;
mod draining;
mod faults;
mod hall;
mod handlers;
mod journal;
mod load;
mod network;
mod plan;
mod queue;
mod runner;
mod server_host;
mod shrink;
mod trace;
mod world;

pub use checks::Violation;
pub use coverage::{Coverage, Fault, MET, MET_IN, Row};
pub use decisions::{Decisions, Record};
pub use runner::{Options, Report, Summary, run, run_seeds};
pub use shrink::shrink;
