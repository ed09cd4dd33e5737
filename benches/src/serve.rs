//! The server's process, and what its parent knows of it.

use crate::Failure;
use crate::host::{self, CpuClock};
use crate::service::{LoadServer, Loaded};
use carnegie::{Limits, Server, ServerHandle};
use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a server is started with. What is not said is the default of [`Limits`].
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Setup {
    #[arg(long)]
    pub address: Option<SocketAddr>,
    #[arg(long)]
    pub executing: Option<usize>,
    #[arg(long)]
    pub queued: Option<usize>,
    #[arg(long)]
    pub handshake_ms: Option<u64>,
    #[arg(long)]
    pub frame_within_ms: Option<u64>,
    #[arg(long)]
    pub keep_alive_ms: Option<u64>,
}

impl Setup {
    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        let set = |at: &mut Duration, to: Option<u64>| *at = to.map_or(*at, Duration::from_millis);
        set(&mut limits.handshake, self.handshake_ms);
        set(&mut limits.frame_within, self.frame_within_ms);
        set(&mut limits.keep_alive, self.keep_alive_ms);
        limits.executing_max = self.executing.unwrap_or(limits.executing_max);
        limits.queued_max = self.queued.unwrap_or(limits.queued_max);
        limits
    }

    fn arguments(&self) -> Vec<String> {
        let all: [(&str, Option<String>); 6] = [
            ("--address", self.address.map(|it| it.to_string())),
            ("--executing", self.executing.map(|it| it.to_string())),
            ("--queued", self.queued.map(|it| it.to_string())),
            ("--handshake-ms", self.handshake_ms.map(|it| it.to_string())),
            ("--frame-within-ms", self.frame_within_ms.map(|it| it.to_string())),
            ("--keep-alive-ms", self.keep_alive_ms.map(|it| it.to_string())),
        ];
        all.into_iter()
            .flat_map(|(name, value)| value.map(|value| [name.to_owned(), value]))
            .flatten()
            .collect()
    }
}

/// What a server tells of itself when it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub connections: u64,
    pub sessions: u64,
    pub executing: u64,
    pub queued: u64,
    pub bytes_held: u64,
    pub calls: u64,
    pub shed: u64,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { connections, sessions, executing, queued, bytes_held, calls, shed } = self;
        write!(f, "{connections} {sessions} {executing} {queued} {bytes_held} {calls} {shed}")
    }
}

impl FromStr for Told {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Told, Failure> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [connections, sessions, executing, queued, bytes_held, calls, shed] = numbers[..] else {
            return Err(format!("seven numbers were expected of the server, not {line:?}").into());
        };
        Ok(Told { connections, sessions, executing, queued, bytes_held, calls, shed })
    }
}

/// The server's process: on the server's CPU, one thread, until it is killed.
pub fn serve(setup: &Setup) -> Result<bool, Failure> {
    host::pin(host::Side::Server)?;
    host::raise_open_files()?;
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    let address = setup.address.unwrap_or(([127, 0, 0, 1], 0).into());
    host::runtime()?.block_on(async {
        let server = Server::new().add(LoadServer::new(Loaded)).limits(setup.limits());
        let bound = server.bind(address).await?;
        say(bound.local_addr())?;
        let handle = bound.handle();
        std::thread::spawn(move || answer(&handle));
        bound.run().await?;
        Ok(true)
    })
}

fn say(line: impl fmt::Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Each line that the parent writes is a question.
fn answer(handle: &ServerHandle) {
    for _question in std::io::stdin().lines() {
        let stats = handle.stats();
        let told = Told {
            connections: stats.connections,
            sessions: stats.sessions,
            executing: stats.executing,
            queued: stats.queued,
            bytes_held: stats.bytes_held,
            calls: stats.calls,
            shed: stats.shed,
        };
        if say(told).is_err() {
            return;
        }
    }
}

/// A server's process as its parent sees it; it is killed with this value.
pub struct ServerProcess {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    logged: Arc<Mutex<VecDeque<String>>>,
    pub address: SocketAddr,
}

/// Lines of the log that are kept.
const LOGGED: usize = 100;

impl ServerProcess {
    /// Starts this program again with `serve`, and waits until it listens.
    pub fn start(setup: &Setup) -> Result<ServerProcess, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args(setup.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (ask, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(ask), Some(out), Some(err)) = (ask, out, err) else {
            return Err("a pipe is missing".into());
        };
        let logged = Arc::new(Mutex::new(VecDeque::new()));
        let log = logged.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_back(line);
                if log.len() > LOGGED {
                    log.pop_front();
                }
            }
        });
        let mut answers = BufReader::new(out);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let address =
            line.trim().parse().map_err(|_| format!("the server did not start: {:?}", logged.lock()))?;
        Ok(ServerProcess { child, ask, answers, logged, address })
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn told(&mut self) -> Result<Told, Failure> {
        self.ask.write_all(b"?\n")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.parse()
    }

    pub fn cpu(&self) -> Result<CpuClock, Failure> {
        CpuClock::of(self.pid())
    }

    /// Memory that it uses, in KiB.
    pub fn memory(&self) -> Result<u64, Failure> {
        host::memory(self.pid(), "VmRSS:")
    }

    /// The last lines of its log, which are warnings.
    pub fn logged(&self) -> Vec<String> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Kills it at once.
    pub fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may be gone already, and there is nothing else to do about it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
