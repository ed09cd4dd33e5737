//! The director: starts a server and a client process for every measurement, one pair at a time, in an order in which
//! no contender always goes first.

use crate::args::Plan;
use crate::contender::Contender;
use crate::host::{self, Ticks};
use crate::load::Measured;
use crate::{Failure, report};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

/// One measurement and where it belongs.
pub(crate) struct Row {
    pub(crate) round: usize,
    pub(crate) in_flight: usize,
    pub(crate) contender: Contender,
    pub(crate) measured: Measured,
    /// Percent of the machine's CPU time that the hypervisor took away meanwhile.
    pub(crate) stolen: f64,
}

/// Makes the whole run. False if a floor was to be checked and was missed.
pub(crate) fn run(plan: &Plan) -> Result<bool, Failure> {
    let cpus = host::cpus()?;
    println!("{}", host::describe());
    match cpus[..] {
        [client, server, ..] => {
            println!("client on CPU {client}, server on CPU {server}, current_thread runtimes")
        }
        _ => println!("ONE CPU ONLY: client and server share it, so these figures compare with no others"),
    }
    if cfg!(debug_assertions) {
        println!("BUILT WITHOUT --release: these figures mean nothing");
    }
    println!(
        "{} rounds, each contender twice a round, {:.1} s a measurement after {:.1} s of warming up\n",
        plan.rounds,
        plan.window.as_secs_f64(),
        plan.warmup.as_secs_f64()
    );
    let mut rows = Vec::new();
    for round in 0..plan.rounds {
        for &in_flight in &plan.depths {
            for contender in order(plan, round, in_flight) {
                progress(&format!(
                    "round {} of {}, {in_flight} in flight, {}",
                    round + 1,
                    plan.rounds,
                    contender.name()
                ));
                rows.push(measure(plan, round, in_flight, contender)?);
            }
        }
    }
    progress("");
    let csv = report::write_csv(&rows)?;
    print!("{}", report::table(plan, &rows));
    println!("every measurement: {}", csv.display());
    let floors = report::floors(&rows);
    for floor in &floors {
        println!("{floor}");
    }
    Ok(!plan.check || floors.iter().all(|floor| floor.holds))
}

/// One line that is written over, on a terminal only.
fn progress(text: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // A terminal that went away takes nothing from the measurements.
        let _ = write!(terminal, "\r{text:<60}\r").and_then(|()| terminal.flush());
    }
}

/// A B C C B A, and the other way round in every second round: a drift of the machine touches all alike.
fn order(plan: &Plan, round: usize, in_flight: usize) -> Vec<Contender> {
    let mut order: Vec<_> =
        plan.contenders.iter().copied().filter(|one| one.takes_part_at(in_flight)).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    let back: Vec<_> = order.iter().rev().copied().collect();
    order.extend(back);
    order
}

fn measure(plan: &Plan, round: usize, in_flight: usize, contender: Contender) -> Result<Row, Failure> {
    let mut server = Server::start(contender)?;
    let before = Ticks::read()?;
    let output = Command::new(std::env::current_exe()?)
        .args([
            "call",
            contender.name(),
            &server.address()?,
            &server.0.id().to_string(),
            &in_flight.to_string(),
        ])
        .args([plan.warmup.as_millis().to_string(), plan.window.as_millis().to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the client of {} failed at {in_flight} in flight", contender.name()).into());
    }
    let measured = String::from_utf8_lossy(&output.stdout).parse()?;
    let stolen = Ticks::read()?.stolen_since(&before);
    Ok(Row { round, in_flight, contender, measured, stolen })
}

/// A server process; it ends with this value.
struct Server(Child);

impl Server {
    fn start(contender: Contender) -> Result<Server, Failure> {
        let program = std::env::current_exe()?;
        let child = Command::new(program).args(["serve", contender.name()]).stdout(Stdio::piped()).spawn()?;
        Ok(Server(child))
    }

    /// The address that the server prints once it listens.
    fn address(&mut self) -> Result<String, Failure> {
        let out = self.0.stdout.take().ok_or("the server's output was read already")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        if line.is_empty() {
            return Err("the server ended before it listened".into());
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, and there is nothing else to do about it either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
