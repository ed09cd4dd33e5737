//! Ten thousand connections that do nothing, beside a few that do much; and all of them at once when the server has restarted.
//! `README.md` beside `Cargo.toml` says how it is measured.

use carnegie_bench::host;
use carnegie_bench::serve::{ServerProcess, Setup, Told, serve};
use carnegie_bench::service::LoadClient;
use carnegie_bench::{Failure, exit};
use clap::{Parser, Subcommand};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};

/// Idle clients that share an address: fewer than one peer may have connections.
const AN_ADDRESS: usize = 2500;
/// Idle clients that connect at a time in the beginning.
const AT_ONCE: usize = 64;
/// How often the server is looked at when its clients come back.
const LOOK: Duration = Duration::from_millis(50);
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// Dials are counted in bins of this, to see how many come at once.
const BIN: Duration = Duration::from_millis(10);

#[derive(Parser)]
#[command(about = "10,000 idle connections and 64 busy ones, and what a restart is to them")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    #[arg(long, default_value_t = 64)]
    busy: usize,
    /// Seconds of each measurement of the busy ones
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How long the server is away when it is restarted
    #[arg(long, default_value_t = 1000)]
    away_ms: u64,
}

#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Serve(Setup),
    #[command(hide = true)]
    Idle { server: SocketAddr, clients: usize },
    #[command(hide = true)]
    Busy { server: SocketAddr, clients: usize },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit(match arguments.role {
        None => direct(&arguments),
        Some(Role::Serve(setup)) => serve(&setup),
        Some(Role::Idle { server, clients }) => on_the_clients_cpu(idle(server, clients)),
        Some(Role::Busy { server, clients }) => on_the_clients_cpu(busy(server, clients)),
    })
}

fn on_the_clients_cpu(role: impl Future<Output = Result<bool, Failure>>) -> Result<bool, Failure> {
    host::pin(host::Side::Client)?;
    host::raise_open_files()?;
    host::runtime()?.block_on(role)
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent is gone: this process is about to be killed too.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Connects so many clients, each with a connection of its own, and keeps them. They are kept up (`fail_fast`), so that each comes
/// back by itself when its connection is lost. Each question is answered with the numbers of dials in each bin since the last one.
async fn idle(server: SocketAddr, clients: usize) -> Result<bool, Failure> {
    let dials = Arc::new(Mutex::new(Vec::new()));
    let mut connecting = tokio::task::JoinSet::new();
    let mut all: Vec<LoadClient> = Vec::with_capacity(clients);
    for client in 0..clients {
        let from = Ipv4Addr::new(127, 0, 1, 1 + (client / AN_ADDRESS) as u8);
        let dials = dials.clone();
        let dialer = move || {
            dials.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            dial(from, server)
        };
        connecting.spawn(carnegie::connect_with::<LoadClient>(dialer).fail_fast(true).into_future());
        if connecting.len() >= AT_ONCE {
            all.extend(connecting.join_next().await.transpose()?.transpose()?);
        }
    }
    while let Some(one) = connecting.join_next().await {
        all.push(one??);
    }
    say(&format!("{} connected", all.len()));
    std::thread::spawn(move || {
        for _question in std::io::stdin().lines() {
            let dials = std::mem::take(&mut *dials.lock().unwrap_or_else(PoisonError::into_inner));
            let first = dials.first().copied();
            let mut bins: Vec<u64> = Vec::new();
            for dial in dials {
                let bin = first.map_or(0, |first| dial.duration_since(first).div_duration_f64(BIN) as usize);
                bins.resize(bins.len().max(bin + 1), 0);
                bins[bin] += 1;
            }
            let bins: Vec<_> = bins.iter().map(u64::to_string).collect();
            say(&bins.join(" "));
        }
    });
    std::future::pending::<()>().await;
    drop(all);
    Ok(true)
}

async fn dial(from: Ipv4Addr, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// So many clients with a connection each, and one call after the other on each. Each question is answered with the numbers of
/// calls that were good and not, and the longest of them in milliseconds, since the last one.
async fn busy(server: SocketAddr, clients: usize) -> Result<bool, Failure> {
    #[derive(Default)]
    struct Counts {
        good: AtomicU64,
        bad: AtomicU64,
        longest: AtomicU64,
    }
    let counts = Arc::new(Counts::default());
    // Idempotent or not makes no difference to those that were not executed; the others of a server that is gone are unknown.
    for _ in 0..clients {
        let (client, counts): (LoadClient, _) = (carnegie::connect(server).await?, counts.clone());
        tokio::spawn(async move {
            loop {
                let begun = Instant::now();
                let count = match client.echo(vec![7; 32]).await {
                    Ok(_) => &counts.good,
                    Err(_) => &counts.bad,
                };
                count.fetch_add(1, Ordering::Relaxed);
                counts.longest.fetch_max(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
            }
        });
    }
    say(&format!("{clients} connected"));
    std::thread::spawn(move || {
        for _question in std::io::stdin().lines() {
            let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
            say(&format!("{} {} {}", take(&counts.good), take(&counts.bad), take(&counts.longest)));
        }
    });
    std::future::pending::<()>().await;
    Ok(true)
}

/// A client process; it ends with this value.
struct Clients {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Clients {
    fn start(role: &str, server: SocketAddr, clients: usize) -> Result<Clients, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([role, &server.to_string(), &clients.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(ask), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a pipe is missing".into());
        };
        let mut clients = Clients { child, ask, answers: BufReader::new(out) };
        clients.line()?;
        Ok(clients)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("a client process has ended".into()),
            _ => Ok(line),
        }
    }

    fn numbers(&mut self) -> Result<Vec<u64>, Failure> {
        self.ask.write_all(b"?\n")?;
        Ok(self.line()?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }

    /// Good calls a second, calls that were not, and the longest in milliseconds, of so long a time.
    fn rate(&mut self, seconds: f64) -> Result<(f64, u64, u64), Failure> {
        self.numbers()?;
        let begun = Instant::now();
        std::thread::sleep(Duration::from_secs_f64(seconds));
        let lasted = begun.elapsed().as_secs_f64();
        let [good, bad, longest] = self.numbers()?[..] else {
            return Err("three numbers were expected".into());
        };
        Ok((good as f64 / lasted, bad, longest))
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // It may be gone already, and there is nothing else to do about it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn direct(arguments: &Arguments) -> Result<bool, Failure> {
    let Arguments { idle, busy, seconds, away_ms, .. } = *arguments;
    println!("{}", host::describe());
    if cfg!(debug_assertions) {
        println!("BUILT WITHOUT --release: these figures mean nothing");
    }
    let files = host::raise_open_files()?;
    if files < (idle + busy + 100) as u64 {
        return Err(
            format!("{files} open files are allowed to a process; ulimit -n {}", idle + busy + 100).into()
        );
    }
    let mut server = ServerProcess::start(&Setup::default())?;
    let address = server.address;
    let mut working = Clients::start("busy", address, busy)?;
    working.rate(seconds / 3.0)?;
    let (alone, _, longest_alone) = working.rate(seconds)?;
    let before = server.memory()?;
    let begun = Instant::now();
    let mut waiting = Clients::start("idle", address, idle)?;
    println!("{idle} clients connected within {:.1} s", begun.elapsed().as_secs_f64());
    std::thread::sleep(Duration::from_secs(1));
    let (beside, _, longest_beside) = working.rate(seconds)?;
    let after = server.memory()?;
    println!(
        "\n| idle connections | server's memory, MiB | KiB a connection | {busy} busy ones, calls/s | longest ms |"
    );
    println!("|---|---|---|---|---|");
    println!("| 0 | {:.1} | - | {alone:.0} | {longest_alone} |", before as f64 / 1024.0);
    let each = after.saturating_sub(before) as f64 / idle as f64;
    println!("| {idle} | {:.1} | {each:.2} | {beside:.0} | {longest_beside} |", after as f64 / 1024.0);
    println!("\nthe busy ones' rate is {:.3} of what it was without the idle ones", beside / alone);

    waiting.numbers()?;
    working.numbers()?;
    server.kill()?;
    std::thread::sleep(Duration::from_millis(away_ms));
    server = ServerProcess::start(&Setup { address: Some(address), ..Setup::default() })?;
    comes_back(&mut server, (idle + busy) as u64, &mut waiting, &mut working)
}

/// Looks at a server that was started anew, until all of its clients are there.
fn comes_back(
    server: &mut ServerProcess,
    all: u64,
    waiting: &mut Clients,
    working: &mut Clients,
) -> Result<bool, Failure> {
    let since = Instant::now();
    let mut came = Vec::new();
    let mut told = Told::default();
    while told.connections < all && since.elapsed() < BACK_WITHIN {
        std::thread::sleep(LOOK);
        let before = told.connections;
        told = server.told()?;
        came.push((since.elapsed(), told.connections.saturating_sub(before)));
    }
    let dials = waiting.numbers()?;
    let [good, bad, longest] = working.numbers()?[..] else {
        return Err("three numbers were expected".into());
    };
    println!("\nthe server was killed and started again; clients that came, by time since it listened:\n");
    println!("| until s | came |");
    println!("|---|---|");
    for (at, came) in came.iter().filter(|(_, came)| *came > 0) {
        println!("| {:.2} | {came} {} |", at.as_secs_f64(), "#".repeat((came * 60 / all) as usize));
    }
    println!("\n{} of {all} are back after {:.2} s", told.connections, since.elapsed().as_secs_f64());
    let most = dials.iter().copied().max().unwrap_or(0);
    println!("dials since the kill: {}, at most {most} within {BIN:?}", dials.iter().sum::<u64>());
    let times: Vec<_> = dials.chunks(10).map(|ten| ten.iter().sum::<u64>().to_string()).collect();
    println!("dials in each tenth of a second, from the first on: {}", times.join(" "));
    println!("busy ones meanwhile: {good} good calls, {bad} failed, the longest {longest} ms");
    Ok(told.connections >= all)
}
