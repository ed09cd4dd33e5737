//! More than a server can do: what it still does, how long that takes, what a refusal costs, and how soon all is well again.
//! `README.md` beside `Cargo.toml` says how it is measured.

use carnegie::{Limits, Retry};
use carnegie_bench::host::{self, CpuClock};
use carnegie_bench::open_loop::{self, Phase};
use carnegie_bench::outcome::{Figures, Outcome, Sample};
use carnegie_bench::serve::{ServerProcess, Setup, serve};
use carnegie_bench::service::LoadClient;
use carnegie_bench::{Failure, exit};
use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Loads, as parts of the capacity.
const LOADS: [f64; 6] = [0.5, 0.9, 1.0, 2.0, 5.0, 10.0];
/// Connections of the clients.
const CHANNELS: usize = 8;
/// Between two loads.
const PAUSE: Duration = Duration::from_millis(500);
/// What "normal again" is looked for in, and how many of these in a row it takes.
const BUCKET: Duration = Duration::from_millis(250);
const BUCKETS: usize = 4;

const GOODPUT_MIN: f64 = 0.9;
const P99_MOST: f64 = 3.0;
const NORMAL_WITHIN: Duration = Duration::from_secs(5);

#[derive(Parser)]
#[command(about = "Goodput, latency and refusals at up to 10 times what a server can do")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Seconds of each load
    #[arg(long, default_value_t = 2.5)]
    seconds: f64,
    /// One of the handlers in place of all
    #[arg(long)]
    work: Option<Work>,
    /// The exit code is 1 if something that is asked for is missed
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Serve(Setup),
    #[command(hide = true)]
    Call(Call),
}

/// What the handlers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// They wait for 5 ms; 32 at a time
    Sleep,
    /// They use the CPU for 1 ms, on the thread that serves connections
    Burn,
    /// They use the CPU for 1 ms, on the blocking pool; 2 at a time
    Block,
}

impl Work {
    const ALL: [Work; 3] = [Work::Sleep, Work::Burn, Work::Block];

    fn setup(self) -> Setup {
        let (executing, queued) = match self {
            Work::Sleep => (32, 32),
            Work::Burn | Work::Block => (2, 16),
        };
        Setup { executing: Some(executing), queued: Some(queued), ..Setup::default() }
    }

    fn said(self) -> &'static str {
        match self {
            Work::Sleep => "handlers that wait for 5 ms",
            Work::Burn => "handlers that use the CPU for 1 ms, on the thread that serves connections",
            Work::Block => "handlers that use the CPU for 1 ms, #[rpc(blocking)]",
        }
    }
}

#[derive(clap::Args)]
struct Call {
    server: SocketAddr,
    pid: i32,
    work: Work,
    #[arg(long)]
    retries: bool,
    #[arg(long)]
    seconds: f64,
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit(match &arguments.role {
        None => direct(&arguments),
        Some(Role::Serve(setup)) => serve(setup),
        Some(Role::Call(call)) => host::pin(host::Side::Client)
            .and_then(|()| host::runtime())
            .and_then(|runtime| runtime.block_on(client(call))),
    })
}

fn direct(arguments: &Arguments) -> Result<bool, Failure> {
    println!("{}", host::describe());
    if cfg!(debug_assertions) {
        println!("BUILT WITHOUT --release: these figures mean nothing");
    }
    let mut holds = true;
    for work in Work::ALL.into_iter().filter(|work| arguments.work.is_none_or(|only| only == *work)) {
        for retries in [false, true] {
            let server = ServerProcess::start(&work.setup())?;
            let name = work.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            let mut call = Command::new(std::env::current_exe()?);
            call.args(["call", &server.address.to_string(), &server.pid().to_string(), &name]);
            call.args(["--seconds", &arguments.seconds.to_string()]);
            call.args(retries.then_some("--retries")).args(arguments.check.then_some("--check"));
            let status = call.stdin(Stdio::null()).status()?;
            match status.code() {
                Some(0) => {}
                Some(1) => holds = false,
                _ => return Err(format!("the client failed: {:?}", server.logged()).into()),
            }
        }
    }
    Ok(holds)
}

/// One load, and what came of it.
struct Row {
    load: f64,
    offered: f64,
    figures: Figures,
    /// Attempts that were refused and made again.
    again: u64,
    /// Microseconds of the server's CPU time a second.
    cpu: f64,
}

/// The calls of one client process.
struct Clients {
    all: Vec<LoadClient>,
    work: Work,
}

impl Clients {
    async fn connect(call: &Call) -> Result<Clients, Failure> {
        let mut all = Vec::new();
        for _ in 0..CHANNELS {
            let retry = Retry::default();
            let retry = if call.retries { retry } else { retry.attempts(1) };
            // So many as are due at once find room in the client.
            let limits = Limits::default().slots(16 << 10);
            all.push(carnegie::connect::<LoadClient>(call.server).limits(limits).retry(retry).await?);
        }
        Ok(Clients { all, work: call.work })
    }

    async fn call(client: LoadClient, work: Work) -> Outcome {
        let result = match work {
            Work::Sleep => client.sleep(5000).await,
            Work::Burn => client.burn(1000).await,
            Work::Block => client.block(1000).await,
        };
        Outcome::of(&result)
    }

    async fn load(&self, phases: &[Phase]) -> Vec<Sample> {
        open_loop::run(phases, |number| {
            Self::call(self.all[number as usize % self.all.len()].clone(), self.work)
        })
        .await
    }

    fn retried(&self) -> u64 {
        self.all.iter().map(|client| carnegie::Client::channel(client).stats().retried).sum()
    }

    /// Calls a second, as long as there is always one that waits and none that is refused.
    async fn capacity(&self, lasts: Duration) -> f64 {
        let setup = self.work.setup();
        let in_flight = setup.executing.unwrap_or(1) + setup.queued.unwrap_or(1) / 2;
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..in_flight {
            let (client, work) = (self.all[task % self.all.len()].clone(), self.work);
            tasks.spawn(async move {
                let mut good = 0;
                while begun.elapsed() < lasts {
                    good += u64::from(Self::call(client.clone(), work).await == Outcome::Good);
                }
                good
            });
        }
        let good: u64 = tasks.join_all().await.into_iter().sum();
        good as f64 / begun.elapsed().as_secs_f64()
    }
}

async fn client(call: &Call) -> Result<bool, Failure> {
    let clients = Clients::connect(call).await?;
    let (server, lasts) = (CpuClock::of(call.pid)?, Duration::from_secs_f64(call.seconds));
    clients.capacity(lasts / 4).await;
    let capacity = clients.capacity(lasts).await;
    let retries = if call.retries { "default retries" } else { "no retries" };
    println!("\n## {}, {retries}: capacity {capacity:.0} calls/s\n", call.work.said());
    let mut rows = Vec::new();
    for load in LOADS {
        let rate = load * capacity;
        let (before, again) = (server.read()?, clients.retried());
        let samples = clients.load(&[Phase { rate, lasts }]).await;
        // The last calls end after the load does.
        let cpu = (server.read()? - before).as_secs_f64() * 1e6 / lasts.as_secs_f64();
        let figures = Figures::of(&samples, Duration::ZERO, lasts);
        rows.push(Row { load, offered: rate, figures, again: clients.retried() - again, cpu });
        tokio::time::sleep(PAUSE).await;
    }
    print_table(&rows, lasts);
    let (high, low) = (10.0 * capacity, 0.5 * capacity);
    let settles = lasts + NORMAL_WITHIN;
    let phases = [Phase { rate: high, lasts }, Phase { rate: low, lasts: settles }];
    let samples = clients.load(&phases).await;
    let normal = normal_again(&samples, lasts, settles, low, rows[0].figures.p99);
    Ok(verdict(&rows, normal, call.retries) || !call.check)
}

fn best(rows: &[Row]) -> f64 {
    rows.iter().map(|row| row.figures.goodput).fold(0.0, f64::max)
}

fn print_table(rows: &[Row], lasts: Duration) {
    println!(
        "| load | offered/s | goodput/s | of the best | p50 ms | p99 ms | refused | made again | failed | CPU µs a refusal | sent late, p99 ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let best = best(rows);
    let refusals = |row: &Row| (row.figures.refused + row.again) as f64 / lasts.as_secs_f64();
    // At the capacity there are few refusals, and nearly all of the CPU time is that of accepted calls.
    let base = rows.iter().find(|row| row.load == 1.0);
    for row in rows {
        let Row { load, offered, figures, again, cpu } = row;
        let a_refusal = base.filter(|_| *load > 1.0).map(|base| {
            let accepted = base.cpu / base.figures.goodput * figures.goodput;
            (cpu - accepted) / (refusals(row) - refusals(base))
        });
        let a_refusal = match a_refusal {
            Some(micros) if micros > 0.0 => format!("{micros:.1}"),
            _ => "-".to_owned(),
        };
        let Figures { goodput, p50, p99, refused, failed, late, .. } = figures;
        println!(
            "| {load} | {offered:.0} | {goodput:.0} | {:.2} | {p50:.1} | {p99:.1} | {refused} | {again} | {failed} | {a_refusal} | {late:.1} |",
            goodput / best
        );
    }
}

/// How long after the load has fallen its calls are served as they were before it rose.
fn normal_again(
    samples: &[Sample],
    fell: Duration,
    settles: Duration,
    rate: f64,
    p99: f64,
) -> Option<Duration> {
    let mut row = 0;
    let count = settles.div_duration_f64(BUCKET) as u32;
    for index in 0..count {
        let from = fell + index * BUCKET;
        let figures = Figures::of(samples, from, from + BUCKET);
        // A bucket has few calls, so that its p99 is nearly its worst.
        let normal = figures.goodput >= 0.9 * rate && figures.p99 <= 2.0 * p99 + 2.0;
        row = if normal { row + 1 } else { 0 };
        if row == BUCKETS {
            return Some((index + 1 - BUCKETS as u32) * BUCKET);
        }
    }
    None
}

/// With retries the latency of a call includes the waits between its attempts, so that its p99 says nothing of the server.
fn verdict(rows: &[Row], normal: Option<Duration>, retries: bool) -> bool {
    let at = |load: f64| rows.iter().find(|row| row.load == load).map(|row| row.figures).unwrap_or_default();
    let share = at(10.0).goodput / best(rows);
    let slower = at(10.0).p99 / at(0.9).p99.max(at(1.0).p99);
    let normal_in_time = normal.is_some_and(|after| after <= NORMAL_WITHIN);
    let said = |holds: bool| if holds { "holds" } else { "MISSED" };
    println!(
        "\n{}: goodput at 10 x is {share:.2} of the best, asked: {GOODPUT_MIN}",
        said(share >= GOODPUT_MIN)
    );
    let in_time = retries || slower <= P99_MOST;
    println!(
        "{}: p99 of accepted calls at 10 x is {slower:.2} times that at 0.9 to 1 x, asked: {P99_MOST}",
        if retries { "not checked (it has the waits before retries in it)" } else { said(in_time) }
    );
    let after = normal.map_or("not".to_owned(), |after| format!("{:.2} s after", after.as_secs_f64()));
    println!(
        "{}: normal again {after} the load fell from 10 x to 0.5 x, asked: {:?}",
        said(normal_in_time),
        NORMAL_WITHIN
    );
    share >= GOODPUT_MIN && in_time && normal_in_time
}
