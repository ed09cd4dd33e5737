//! A server in a process of its own, so that it can be killed, and so that its memory can be told from the tests'. The
//! process is this test binary, started again for one test.

use crate::box_office::telling;
use crate::support::soon;
use carnegie::{Limits, Server};
use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Set in the server's process: where to listen, and whether the doors are open.
const ADDRESS: &str = "CARNEGIE_TEST_ADDRESS";
const DOORS: &str = "CARNEGIE_TEST_DOORS";

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
    let limits = Limits::default().handshake(Duration::from_millis(500));
    let _logs = tracing::subscriber::set_default(crate::seen::Watching(|event: &str| {
        if event.contains("cannot accept") {
            say("cannot accept");
        }
    }));
    let bound = Server::new().add(office).limits(limits).bind(address).await.unwrap();
    say(&format!("listening {}", bound.local_addr()));
    bound.run().await.unwrap();
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
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() >> 10
    }
}
