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
//! The exit code: 0 if every promise was kept, 1 if not, 2 if the run did not come to its end. It needs Unix, and says so elsewhere: signals, a clock
//! that processes share.

#[cfg(unix)]
#[path = "torture/command.rs"]
mod command;

#[cfg(unix)]
use command::*;

#[cfg(unix)]
fn main() {
    command::run_role();
}

#[cfg(not(unix))]
fn main() {
    eprintln!("torture: it needs Unix, for its signals");
    std::process::exit(2);
}
