//! The director: starts a server and a client process for every measurement, one pair at a time, in an order in which
//! no contender always goes first.

use crate::Failure;
use crate::cells::{CELLS, Cell, Load};
use crate::cli::Plan;
use crate::contenders::Contender;
use crate::measured::Measured;
use crate::progress::Progress;
use crate::results::{Results, Row};
use carnegie_bench::host::Ticks;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Makes all measurements; `after_round` gets what there is so far. What cannot be measured is left out and told.
pub(crate) fn run(
    plan: &Plan,
    results: &mut Results,
    after_round: impl Fn(&Results) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let items = plan.items();
    let rounds = plan.rounds();
    let length = |cell: &Cell| plan.warmup() + plan.window_of(cell) + STARTING;
    let mut progress =
        Progress::new(items.iter().map(|(cell, _)| length(cell)).sum::<Duration>() * rounds as u32);
    for round in 0..rounds {
        for (cell, contender) in order(&items, round) {
            progress.show(&format!("round {} of {rounds}, {}, {}", round + 1, cell.title, contender.name()));
            match measure(plan, round, cell, contender, results) {
                Ok(row) => results.rows.push(row),
                Err(failure) => results.failures.push(format!(
                    "round {}, {}, {}: {failure}",
                    round + 1,
                    cell.title,
                    contender.name()
                )),
            }
            progress.done(length(cell));
        }
        after_round(results)?;
    }
    progress.end();
    Ok(())
}

/// What starting and ending two processes takes.
const STARTING: Duration = Duration::from_millis(60);

/// A B C in one round, C B A in the next one, cell by cell: a drift of the machine touches all alike.
pub(crate) fn order(items: &[(&'static Cell, Contender)], round: usize) -> Vec<(&'static Cell, Contender)> {
    let mut order = Vec::with_capacity(items.len());
    for cell in CELLS {
        let mut those: Vec<_> = items.iter().copied().filter(|(of, _)| of.name == cell.name).collect();
        if round % 2 == 1 {
            those.reverse();
        }
        order.append(&mut those);
    }
    order
}

fn measure(
    plan: &Plan,
    round: usize,
    cell: &'static Cell,
    contender: Contender,
    before: &Results,
) -> Result<Row, Failure> {
    let rate = match cell.load {
        Load::Open(share) => {
            share * before.capacity(contender).ok_or("an open loop needs the base cell first")?
        }
        Load::Beside(_) => 1_000.0,
        Load::Closed | Load::Turns(_) => 0.0,
    };
    let server = Server::start(cell, contender, &Under::default())?;
    let ticks = Ticks::read()?;
    let times = [plan.warmup(), plan.window_of(cell)];
    let measured = call(&server, cell, contender, times, rate, &Under::default())?;
    let stolen = Ticks::read()?.stolen_since(&ticks);
    Ok(Row { round, cell, contender, rate, measured, stolen })
}

/// One measurement in a closed loop, client and server each under another program; that of the server has ended too.
pub(crate) fn measured_by(
    cell: &'static Cell,
    contender: Contender,
    window: Duration,
    under: &[Under; 2],
) -> Result<Measured, Failure> {
    let server = Server::start(cell, contender, &under[1])?;
    let measured = call(&server, cell, contender, [window / 4, window], 0.0, &under[0])?;
    server.stop()?;
    Ok(measured)
}

/// A client process: warms up, measures, ends.
fn call(
    server: &Server,
    cell: &Cell,
    contender: Contender,
    [warmup, window]: [Duration; 2],
    rate: f64,
    under: &Under,
) -> Result<Measured, Failure> {
    let client = under
        .program()?
        .args(["call", contender.name(), cell.name, &server.address, &server.pid.to_string()])
        .args(["--warmup-ms", &warmup.as_millis().to_string()])
        .args(["--window-ms", &window.as_millis().to_string()])
        .args(["--rate", &rate.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = within(warmup + window + AT_MOST_LATE, client)?;
    if !output.status.success() {
        return Err(format!("the client failed: {}", output.status).into());
    }
    String::from_utf8_lossy(&output.stdout).parse()
}

/// The words of a command line that this program is started under: none, or those of a counter.
#[derive(Default)]
pub(crate) struct Under(pub(crate) Vec<String>);

impl Under {
    fn program(&self) -> Result<Command, Failure> {
        let own = std::env::current_exe()?;
        let [first, rest @ ..] = &self.0[..] else { return Ok(Command::new(own)) };
        let mut command = Command::new(first);
        command.args(rest).arg(own);
        Ok(command)
    }
}

/// How much longer than its window a client may take.
const AT_MOST_LATE: Duration = Duration::from_secs(20);

/// Waits for a client, and kills it when it does not end.
fn within(limit: Duration, client: Child) -> Result<Output, Failure> {
    let pid = Pid::from_raw(client.id().try_into()?);
    let (ended, end) = mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // It may have ended just now.
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    let output = client.wait_with_output();
    drop(ended);
    guard.join().map_err(|_| "a thread panicked")?;
    Ok(output?)
}

/// A server process; it ends with this value.
struct Server {
    process: Child,
    address: String,
    /// Of the server itself, which may run under another program.
    pid: i32,
}

impl Server {
    fn start(cell: &Cell, contender: Contender, under: &Under) -> Result<Server, Failure> {
        let mut command = under.program()?;
        command.args(["serve", contender.name()]).stdout(Stdio::piped());
        if cell.pinned {
            command.arg("--pinned");
        }
        if !under.0.is_empty() {
            // A counter says of every server that it was killed.
            command.stderr(Stdio::null());
        }
        let mut server = Server { process: command.spawn()?, address: String::new(), pid: 0 };
        let out = server.process.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let (address, pid) = line.trim().split_once(' ').ok_or("the server ended before it listened")?;
        (server.address, server.pid) = (address.to_owned(), pid.parse()?);
        Ok(server)
    }

    /// Kills the server and waits until the program that it runs under has ended as well.
    fn stop(mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.pid), Signal::SIGKILL)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, and there is nothing else to do about it either way.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Contender::{Carnegie, Framed, Tarpc};

    #[test]
    fn every_second_round_goes_the_other_way_within_each_cell() {
        let cell = |name: &str| name.parse::<&'static Cell>().unwrap();
        let (one, two) = (cell("depth-1"), cell("base"));
        let items = [(one, Carnegie), (one, Tarpc), (two, Carnegie), (two, Framed)];
        let names =
            |round| order(&items, round).iter().map(|(cell, who)| (cell.name, *who)).collect::<Vec<_>>();
        assert_eq!(
            names(0),
            [("depth-1", Carnegie), ("depth-1", Tarpc), ("base", Carnegie), ("base", Framed)]
        );
        assert_eq!(
            names(1),
            [("depth-1", Tarpc), ("depth-1", Carnegie), ("base", Framed), ("base", Carnegie)]
        );
    }
}
