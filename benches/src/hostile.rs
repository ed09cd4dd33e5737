//! A client that behaves, beside peers that do not: what becomes of them, and what it notices of them. `README.md` beside
//! `Cargo.toml` says how it is measured.

use carnegie_bench::attack::Attack;
use carnegie_bench::host;
use carnegie_bench::open_loop::{self, Phase};
use carnegie_bench::outcome::{Figures, Outcome};
use carnegie_bench::serve::{ServerProcess, Setup, Told, serve};
use carnegie_bench::service::LoadClient;
use carnegie_bench::{Failure, exit};
use clap::{Parser, Subcommand};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Calls a second of the client that behaves.
const RATE: f64 = 1000.0;
/// Its first calls are not measured.
const WARMUP: Duration = Duration::from_millis(500);
const ALONE: Duration = Duration::from_secs(2);
/// How often the server is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Between two clients that connect anew meanwhile; and how long they wait.
const NEWCOMERS_EVERY: Duration = Duration::from_millis(500);
/// What its p99 may be in times of what it was alone.
const P99_MOST: f64 = 1.5;

#[derive(Parser)]
#[command(about = "A client that behaves, beside peers that do not")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Seconds that each hostile peer has
    #[arg(long, default_value_t = 4.5)]
    seconds: f64,
    /// One of the hostile peers in place of all
    #[arg(long)]
    only: Option<Attack>,
    /// The exit code is 1 if something that is asked for is missed
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Serve(Setup),
    #[command(hide = true)]
    Call { server: SocketAddr, seconds: f64 },
    #[command(hide = true)]
    Attack { server: SocketAddr, from: IpAddr, attack: Attack },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit(match arguments.role {
        None => direct(&arguments),
        Some(Role::Serve(setup)) => serve(&setup),
        Some(Role::Call { server, seconds }) => on_the_clients_cpu(call(server, seconds)),
        Some(Role::Attack { server, from, attack }) => on_the_clients_cpu(async move {
            let done = attack.run(from, server).await;
            // What it was told is part of the table.
            println!("{}", done.err().map_or("done".to_owned(), |told| told.to_string()));
            Ok(true)
        }),
    })
}

fn on_the_clients_cpu(role: impl Future<Output = Result<bool, Failure>>) -> Result<bool, Failure> {
    host::pin(host::Side::Client)?;
    host::raise_open_files()?;
    host::runtime()?.block_on(role)
}

/// The client that behaves: two lines, for the time alone and for the time beside the other. Meanwhile others come and go: the
/// second line says how many of them were served.
async fn call(server: SocketAddr, seconds: f64) -> Result<bool, Failure> {
    let client: LoadClient = carnegie::connect(server).await?;
    println!("connected");
    let beside = Duration::from_secs_f64(seconds);
    let lasts = WARMUP + ALONE + beside;
    let others = tokio::spawn(newcomers(server, beside));
    let samples = open_loop::run(&[Phase { rate: RATE, lasts }], |_| {
        let client = client.clone();
        async move { Outcome::of(&client.echo(vec![7; 32]).await) }
    })
    .await;
    let (served, came) = others.await?;
    for (from, to) in [(WARMUP, WARMUP + ALONE), (WARMUP + ALONE, lasts)] {
        let Figures { p50, p99, good, refused, failed, .. } = Figures::of(&samples, from, to);
        println!("{p50} {p99} {good} {} {served} {came}", refused + failed);
    }
    Ok(true)
}

/// New clients with one call each, from another address than any hostile peer's: how many were served, and how many came.
async fn newcomers(server: SocketAddr, lasts: Duration) -> (u32, u32) {
    tokio::time::sleep(WARMUP + ALONE).await;
    let (begun, mut served, mut came) = (Instant::now(), 0, 0);
    while begun.elapsed() + NEWCOMERS_EVERY < lasts {
        tokio::time::sleep(NEWCOMERS_EVERY).await;
        let call = async {
            let client: LoadClient = carnegie::connect(server).await?;
            Ok::<_, Failure>(client.echo(vec![7; 32]).await?)
        };
        came += 1;
        served += u32::from(matches!(tokio::time::timeout(NEWCOMERS_EVERY, call).await, Ok(Ok(_))));
    }
    (served, came)
}

/// One of the two times of the client that behaves.
struct Seen {
    p50: f64,
    p99: f64,
    good: f64,
    bad: f64,
    /// New clients that were served, and all of them.
    served: f64,
    came: f64,
}

impl Seen {
    fn read(line: &str) -> Result<Seen, Failure> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [p50, p99, good, bad, served, came] = numbers[..] else {
            return Err(format!("six numbers were expected of the client, not {line:?}").into());
        };
        Ok(Seen { p50, p99, good, bad, served, came })
    }
}

/// A process that ends with this value.
struct Helper(Child);

impl Helper {
    fn start(idle: bool, arguments: &[String]) -> Result<Helper, Failure> {
        let program = std::env::current_exe()?;
        // It shares the client's CPU, and is not to take from the client what it takes from the server. By `nice` alone it would
        // keep the CPU until its slice ends, some 3 ms, whenever the client wakes up.
        let mut command = if idle { Command::new("chrt") } else { Command::new(&program) };
        if idle {
            command.args(["--idle", "0"]).arg(&program);
        }
        let child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        Ok(Helper(child))
    }

    /// What it has printed; `kill` it before if it would not end.
    fn output(mut self, kill: bool) -> Result<String, Failure> {
        if kill {
            self.0.kill()?;
        }
        let mut text = String::new();
        if let Some(mut out) = self.0.stdout.take() {
            out.read_to_string(&mut text)?;
        }
        self.0.wait()?;
        Ok(text)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may be gone already, and there is nothing else to do about it either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The most that was seen of the server's figures, and when the hostile peer was gone.
#[derive(Default)]
struct Watched {
    before: u64,
    peak: u64,
    most: Told,
    /// When the server had the other client's connection only, after it had had more.
    gone: Option<Duration>,
    left: Told,
}

impl Watched {
    fn look(&mut self, server: &mut ServerProcess, since: Instant) -> Result<(), Failure> {
        let told = server.told()?;
        self.peak = self.peak.max(server.memory()?);
        let most = &mut self.most;
        most.connections = most.connections.max(told.connections);
        most.sessions = most.sessions.max(told.sessions);
        most.executing = most.executing.max(told.executing);
        most.queued = most.queued.max(told.queued);
        most.bytes_held = most.bytes_held.max(told.bytes_held);
        // One is that of the client that behaves, and one may be that of a newcomer.
        match told.connections {
            0 | 1 if most.connections > 1 => self.gone = self.gone.or(Some(since.elapsed())),
            0..=2 => {}
            _ => self.gone = None,
        }
        self.left = told;
        Ok(())
    }

    fn said(&self) -> String {
        let Told { connections, executing, queued, bytes_held, .. } = self.most;
        let most = format!(
            "{} connections, {executing} running, {queued} waiting, {:.1} MiB",
            connections.saturating_sub(1),
            bytes_held as f64 / f64::from(1 << 20)
        );
        match self.gone {
            Some(after) => format!("gone after {:.1} s; at most {most}", after.as_secs_f64()),
            None => format!(
                "held; {} connections in the end, at most {most}",
                self.left.connections.saturating_sub(1)
            ),
        }
    }
}

fn direct(arguments: &Arguments) -> Result<bool, Failure> {
    println!("{}", host::describe());
    if cfg!(debug_assertions) {
        println!("BUILT WITHOUT --release: these figures mean nothing");
    }
    println!("limits: handshake 2 s, frame_within 2 s, keep_alive 1 s; all others are the defaults");
    println!(
        "{RATE:.0} calls of 32 bytes a second, alone for {ALONE:?} and then beside the other for {} s\n",
        arguments.seconds
    );
    println!(
        "| peer | from | p50 ms alone, beside | p99 ms alone, beside | times | calls, failed | new clients served | what became of the peer | server's memory MiB, before, peak | the server's last word |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut missed = Vec::new();
    for attack in Attack::ALL.into_iter().filter(|attack| arguments.only.is_none_or(|only| only == *attack)) {
        for from in [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST] {
            if from == Ipv4Addr::LOCALHOST
                && !matches!(attack, Attack::Unread | Attack::Sessions | Attack::Flood)
            {
                continue;
            }
            let slower = one(attack, from.into(), arguments.seconds)?;
            if slower > P99_MOST && attack.is_asked_for() {
                missed.push(format!("{} from {from}: {slower:.2}", attack.name()));
            }
        }
    }
    match &missed[..] {
        [] => println!("\nholds: the other client's p99 stays within {P99_MOST} times"),
        _ => println!("\nMISSED: p99 above {P99_MOST} times: {}", missed.join(", ")),
    }
    Ok(!arguments.check || missed.is_empty())
}

/// One hostile peer and a new server; how much slower the other client's p99 was.
fn one(attack: Attack, from: IpAddr, seconds: f64) -> Result<f64, Failure> {
    let setup = Setup {
        handshake_ms: Some(2000),
        frame_within_ms: Some(2000),
        keep_alive_ms: Some(1000),
        ..Setup::default()
    };
    let mut server = ServerProcess::start(&setup)?;
    let address = server.address.to_string();
    let client = Helper::start(false, &["call".to_owned(), address.clone(), seconds.to_string()])?;
    while server.told()?.connections == 0 {
        std::thread::sleep(LOOK / 10);
    }
    std::thread::sleep(WARMUP + ALONE);
    let mut watched = Watched { before: server.memory()?, ..Watched::default() };
    let since = Instant::now();
    let hostile = Helper::start(true, &["attack".to_owned(), address, from.to_string(), attack.name()])?;
    while since.elapsed().as_secs_f64() < seconds - 0.1 {
        watched.look(&mut server, since)?;
        std::thread::sleep(LOOK);
    }
    let seen = client.output(false)?;
    let told = hostile.output(true)?;
    let mut lines = seen.lines().skip(1);
    let (Some(alone), Some(beside)) = (lines.next(), lines.next()) else {
        return Err(format!("the client failed: {seen:?}, {:?}", server.logged()).into());
    };
    let (alone, beside) = (Seen::read(alone)?, Seen::read(beside)?);
    let logged = server.logged().pop().unwrap_or_default();
    let word = told.lines().next_back().map_or(logged, str::to_owned);
    println!(
        "| {} | {from} | {:.2}, {:.2} | {:.2}, {:.2} | {:.2} | {}, {} | {} of {} | {} | {:.1}, {:.1} | {} |",
        attack.name(),
        alone.p50,
        beside.p50,
        alone.p99,
        beside.p99,
        beside.p99 / alone.p99,
        beside.good,
        alone.bad + beside.bad,
        beside.served,
        beside.came,
        watched.said(),
        watched.before as f64 / 1024.0,
        watched.peak as f64 / 1024.0,
        word.trim().replace('|', "/"),
    );
    Ok(beside.p99 / alone.p99)
}
