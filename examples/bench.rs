//! Measures a server of yours: calls a second and latencies, with a histogram that is redrawn while it runs.
//!
//! ```sh
//! cargo run --release --example bench -- --serve 127.0.0.1:7003                # a server to try it with, until Ctrl-C
//! cargo run --release --example bench -- 127.0.0.1:7003                        # 64 calls in flight, for 10 s
//! cargo run --release --example bench -- 127.0.0.1:7003 --rate 20000           # 20,000 calls a second, whatever becomes of them
//!
//! cargo run --release --example bench -- 127.0.0.1:7001 \
//!     --lock examples/kv/kv.schema --method KeyValue.get --args '["conductor"]' # a method of your own
//! ```
//!
//! Without `--method` it calls the service of `bench/service.rs`: add it to your server by that file and one line, `.add(BenchServer::new(Echo))`.
//! With it the lock file of the service (`#[service(lock = "..")]`) tells what the arguments look like; they are written in JSON, as serde
//! would: fields by name, `"Variant"` or `{"Variant": ..}`, `null` for `None`; a `Vec<u8>` may be a text. `{n}` in a text stands for the
//! number of the call. A method that is not idempotent is executed once for each call and changes what the server keeps, so it asks for `--yes`.
//!
//! Without `--rate` it is a closed loop: each of `--in-flight` callers calls when its last call has ended, which shows what the server can do. With it, calls are
//! sent when they are due, and latencies count from then: they show what users would see at that load. Latencies are those of answered calls.
//!
//! The exit code: 0 every call was answered; 1 some were not; 2 a mistake in the command line; 3 no server, or none with this method.

#[path = "bench/latencies.rs"]
mod latencies;
#[path = "bench/live.rs"]
mod live;
#[path = "bench/load.rs"]
mod load;
#[path = "bench/method.rs"]
mod method;
#[path = "bench/picture.rs"]
mod picture;
#[path = "bench/report.rs"]
mod report;
#[path = "bench/run.rs"]
mod run;
#[path = "bench/service.rs"]
mod service;
#[path = "bench/typed.rs"]
mod typed;
#[cfg(test)]
#[path = "bench/typed_tests.rs"]
mod typed_tests;
#[path = "bench/words.rs"]
mod words;

use clap::{Parser, value_parser};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use words::duration;

/// Measures a server: calls a second, latencies, failures. Ctrl-C ends it with the summary so far.
///
/// A closed loop, or with --rate an open one, in which latencies count from when a call was due.
#[derive(Parser)]
#[command(name = "bench")]
pub(crate) struct Arguments {
    /// The server, host:port, or several with commas between: the first that serves is measured
    #[arg(value_name = "HOST:PORT", required_unless_present = "serve")]
    server: Option<String>,
    /// Serves the service Bench instead of measuring, until Ctrl-C
    #[arg(long, value_name = "ADDRESS", conflicts_with = "server")]
    serve: Option<String>,

    /// The lock file of the method's service
    #[arg(long, value_name = "FILE", requires = "method")]
    lock: Option<PathBuf>,
    /// The method to call, as BoxOffice.sell or sell [default: Bench.echo]
    #[arg(long, value_name = "METHOD", requires = "lock")]
    method: Option<String>,
    /// Its arguments, a JSON array, or an object by their names; {n} in a text is the number of the call
    #[arg(long, value_name = "JSON", default_value = "[]", requires = "method")]
    args: String,
    /// Calls a method that is not idempotent: every call is executed, once, and changes what the server keeps
    #[arg(long)]
    yes: bool,
    /// Bytes of each call of Bench.echo
    #[arg(long, value_name = "BYTES", default_value_t = 32, conflicts_with = "method")]
    payload: usize,

    /// Calls under way at the same time on each connection; with --rate the most [default: 64; with --rate 1024]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=65536))]
    in_flight: Option<u32>,
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..))]
    connections: u16,
    /// Calls a second over all connections, whatever becomes of those before
    #[arg(long, value_name = "CALLS", value_parser = rate)]
    rate: Option<f64>,
    /// How long, as 10s, 500ms or 2m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// How long a call may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// Threads of this program that call, or serve
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..))]
    threads: u16,
    /// How long each connection asks for more bytes before it sleeps, as 100us: for one that has a processor to itself
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration)]
    busy_poll: Duration,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|e| format!("{e}"))?;
    if (0.01..=1e8).contains(&rate) { Ok(rate) } else { Err("0.01 to 100,000,000 calls a second".into()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut runtime = match arguments.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let done = match runtime.worker_threads(arguments.threads.into()).enable_all().build() {
        Ok(runtime) => runtime.block_on(run::run(arguments)),
        Err(error) => Err(run::Failure::Server(format!("no runtime: {error}"))),
    };
    let (code, why) = match done {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(1),
        Err(run::Failure::Mistake(why)) => (2, why),
        Err(run::Failure::Server(why)) => (3, why),
    };
    eprintln!("bench: {why}");
    ExitCode::from(code)
}
