//! A server in a process of its own, so that it can be killed, and so that its memory can be told from the tests'. The
//! process is this test binary, started again for one test.

use crate::box_office::telling;
use crate::support::soon;
use carnegie::{Limits, Server, stop_signal};
use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Set in the server's process: where to listen, whether the doors are open, how many seconds a handshake may take, and how many
/// a drain, which then follows a signal.
const ADDRESS: &str = "CARNEGIE_TEST_ADDRESS";
const DOORS: &str = "CARNEGIE_TEST_DOORS";
const HANDSHAKE: &str = "CARNEGIE_TEST_HANDSHAKE";
const GRACE: &str = "CARNEGIE_TEST_GRACE";

/// Not a test: what the server's process runs. Without the variable it has nothing to do.
#[test]
fn the_servers_process() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(&address, std::env::var(DOORS).is_ok()));
}

/// What the parent reads. libtest writes lines of its own, without an end.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@ {line}").and_then(|()| out.flush()).unwrap();
}

async fn serve(address: &str, open: bool) {
    // Said before the handler ends, so that a kill cannot hide what has run.
    let (office, doors) = telling(|(what, order)| say(&format!("{what} {order}")));
    doors.send(open).unwrap();
    let mut limits = Limits::default();
    if let Ok(seconds) = std::env::var(HANDSHAKE) {
        limits.handshake = Duration::from_secs(seconds.parse().unwrap());
    }
    let _logs = tracing::subscriber::set_default(crate::seen::Watching::new(|event: &str| {
        if event.contains("cannot accept") {
            say("cannot accept");
        }
        if let Some((_, told)) = event.split_once("message=").filter(|_| event.contains("drain")) {
            say(told);
        }
    }));
    let mut server = Server::new().add(office).limits(limits);
    let grace = std::env::var(GRACE).ok().map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    if let Some(grace) = grace {
        // A busy machine may hold a living client up for longer than a dead one is waited for.
        server = server.grace(grace).limits(crate::support::patient());
    }
    let bound = server.bind(address).await.unwrap();
    say(&format!("listening {}", bound.local_addr()));
    match grace {
        Some(_) => bound.run_until(stop_signal()).await.unwrap(),
        None => bound.run().await.unwrap(),
    }
    say("left");
}

pub(crate) struct Office {
    pub(crate) address: SocketAddr,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// How a server's process is started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup<'a> {
    /// Default: any free port.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) doors_open: bool,
    /// Default: the framework's.
    pub(crate) handshake_seconds: Option<u64>,
    /// Told by a signal, it drains for so long at most. Default: a signal ends it as it ends any process.
    pub(crate) grace_seconds: Option<u64>,
    /// A shell's command that goes before: `ulimit -n 32`.
    pub(crate) before: &'a str,
}

pub(crate) async fn start(setup: Setup<'_>) -> Office {
    let before = if setup.before.is_empty() { "true" } else { setup.before };
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{before} && exec \"$0\" --exact process::the_servers_process --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .env(ADDRESS, setup.address.map_or("127.0.0.1:0".to_owned(), |address| address.to_string()))
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if setup.doors_open {
        command.env(DOORS, "open");
    }
    if let Some(seconds) = setup.handshake_seconds {
        command.env(HANDSHAKE, seconds.to_string());
    }
    if let Some(seconds) = setup.grace_seconds {
        command.env(GRACE, seconds.to_string());
    }
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut office = Office { address: SocketAddr::from(([0; 4], 0)), child, lines };
    let said = office.next().await;
    office.address = said.strip_prefix("listening ").expect("it listens first").parse().unwrap();
    office
}

impl Office {
    /// The next thing that the server's process tells: `sell 7`.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            let line = soon(self.lines.next_line()).await.unwrap().expect("the server's process lives");
            if let Some(said) = line.strip_prefix("@ ") {
                return said.to_owned();
            }
        }
    }

    /// Its number for the system.
    pub(crate) fn process(&self) -> u32 {
        self.child.id().expect("it lives")
    }

    /// Sends it a signal: `-TERM`.
    pub(crate) async fn signal(&self, signal: &str) {
        Self::signal_to(self.process(), signal).await;
    }

    pub(crate) async fn signal_to(process: u32, signal: &str) {
        let sent = Command::new("kill").args([signal, &process.to_string()]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, which is to be in order. Returns what it has told and nobody has read.
    pub(crate) async fn ended(mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(line) = soon(self.lines.next_line()).await.unwrap() {
            rest.extend(line.strip_prefix("@ ").map(str::to_owned));
        }
        assert!(soon(self.child.wait()).await.unwrap().success());
        rest
    }

    /// Kills it as `kill -9` does. Returns what it had told and nobody has read.
    pub(crate) async fn kill(mut self) -> Vec<String> {
        self.child.kill().await.unwrap();
        let mut rest = Vec::new();
        while let Some(line) = soon(self.lines.next_line()).await.unwrap() {
            rest.extend(line.strip_prefix("@ ").map(str::to_owned));
        }
        rest
    }

    /// The most memory that it has had so far, in MiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory_peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory that it has asked for, whether it has used it or not, in MiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory_asked_for(&self) -> u64 {
        self.status("VmData:")
    }

    #[cfg(target_os = "linux")]
    fn status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() >> 10
    }
}
