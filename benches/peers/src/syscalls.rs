//! System calls a call. Server and client run under a counter from their first instruction to their last, once for a short
//! window and once for a long one; the difference, by the difference in calls, is what a call takes.
//!
//! `perf stat` counts them while the programs run at their usual speed. Where it may not, `strace -c` does: it slows every system
//! call down, so that more replies gather in each batch and the counts come out lower.

use crate::Failure;
use crate::cells::Cell;
use crate::cli::Plan;
use crate::contenders::Contender;
use crate::director::{Under, measured_by, order};
use crate::progress::Progress;
use crate::results::{Results, SystemCalls};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use Contender::{Busy, Carnegie, Echo, Framed, Tarpc};

const COUNTED: [(&str, &[Contender]); 3] = [
    ("depth-1", &[Echo, Carnegie, Busy, Tarpc]),
    ("base", &[Framed, Carnegie, Busy, Tarpc]),
    ("depth-512", &[Framed, Carnegie, Busy, Tarpc]),
];

/// Rounds at most: counts differ less than times.
const ROUNDS: usize = 3;

/// Length of the two windows.
const WINDOWS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];

/// Counts everything; one line in `failures` if nothing here can count.
pub(crate) fn run(plan: &Plan, results: &mut Results) -> Result<(), Failure> {
    let Some(tool) = Tool::found() else {
        results
            .failures
            .push("system calls: perf (as root) or strace is needed, and neither works here".to_owned());
        return Ok(());
    };
    let mut items = Vec::new();
    for (cell, contenders) in COUNTED {
        let cell: &'static Cell = cell.parse()?;
        items.extend(contenders.iter().map(|&contender| (cell, contender)));
    }
    let rounds = plan.rounds().min(ROUNDS);
    let each: Duration = WINDOWS.into_iter().map(|window| window.mul_f64(1.5)).sum();
    let mut progress = Progress::new(each * (items.len() * rounds) as u32);
    for round in 0..rounds {
        for (cell, contender) in order(&items, round) {
            progress.show(&format!("system calls, {}, {}", cell.title, contender.name()));
            match tool.slope(cell, contender) {
                Ok([client, server]) => {
                    results.system_calls.push(SystemCalls {
                        round,
                        in_flight: cell.depth,
                        contender,
                        client,
                        server,
                    });
                }
                Err(failure) => {
                    results.failures.push(format!(
                        "system calls, {}, {}: {failure}",
                        cell.title,
                        contender.name()
                    ));
                }
            }
            progress.done(each);
        }
    }
    progress.end();
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Tool {
    Perf,
    Strace,
}

impl Tool {
    fn found() -> Option<Tool> {
        [Tool::Perf, Tool::Strace].into_iter().find(|tool| tool.works().unwrap_or(false))
    }

    fn works(self) -> Result<bool, Failure> {
        let output = Output::new("found")?;
        let Under(words) = self.under(output.path());
        let [program, arguments @ ..] = &words[..] else { return Ok(false) };
        let mut command = Command::new(program);
        let tried =
            command.args(arguments).arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        Ok(tried.success() && self.count(output.path()).is_ok_and(|count| count > 0.0))
    }

    /// What stands before the program's own command line.
    fn under(self, output: &Path) -> Under {
        let words: &[&str] = match self {
            Tool::Perf => &["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o"],
            Tool::Strace => &["strace", "-f", "-c", "-o"],
        };
        let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        words.push(output.display().to_string());
        Under(words)
    }

    fn count(self, output: &Path) -> Result<f64, Failure> {
        self.parse(&std::fs::read_to_string(output)?)
    }

    fn parse(self, text: &str) -> Result<f64, Failure> {
        let count = match self {
            // <count>,<unit>,<event>,..
            Tool::Perf => text
                .lines()
                .find(|line| line.contains("raw_syscalls"))
                .and_then(|line| line.split(',').next()),
            // <% time> <seconds> <usecs/call> <calls> [<errors>] total
            Tool::Strace => text
                .lines()
                .find(|line| line.ends_with(" total"))
                .and_then(|line| line.split_whitespace().nth(3)),
        };
        Ok(count.ok_or("the counter has written nothing")?.parse()?)
    }

    /// System calls a call of client and server.
    fn slope(self, cell: &'static Cell, contender: Contender) -> Result<[f64; 2], Failure> {
        let [short, long] = WINDOWS.map(|window| self.run(cell, contender, window));
        Ok(slope(short?, long?))
    }

    fn run(self, cell: &'static Cell, contender: Contender, window: Duration) -> Result<Counts, Failure> {
        let (client, server) = (Output::new("client")?, Output::new("server")?);
        let under = [self.under(client.path()), self.under(server.path())];
        let measured = measured_by(cell, contender, window, &under)?;
        Ok(Counts { made: measured.made, sides: [self.count(client.path())?, self.count(server.path())?] })
    }
}

/// Calls that were made, and the system calls of client and server for them and for everything else.
#[derive(Clone, Copy)]
struct Counts {
    made: f64,
    sides: [f64; 2],
}

fn slope(short: Counts, long: Counts) -> [f64; 2] {
    let calls = long.made - short.made;
    [0, 1].map(|side| (long.sides[side] - short.sides[side]) / calls)
}

/// A file for a counter; it ends with this value.
struct Output(PathBuf);

impl Output {
    fn new(side: &str) -> Result<Output, Failure> {
        let path = std::env::temp_dir().join(format!("carnegie-peers-{}-{side}", std::process::id()));
        // One of a process of that number before this one would be taken for the counter's.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(Output(path)),
        }
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_takes_is_free_of_what_starting_takes() {
        let short = Counts { made: 100.0, sides: [50.0 + 300.0, 40.0 + 500.0] };
        let long = Counts { made: 300.0, sides: [50.0 + 900.0, 40.0 + 1_500.0] };
        assert_eq!(slope(short, long), [3.0, 5.0]);
    }

    #[test]
    fn both_counters_are_understood() {
        let perf = "# started on ..\n\n4319,,raw_syscalls:sys_enter,27762639,100.00,,\n";
        assert_eq!(Tool::Perf.parse(perf).unwrap(), 4319.0);
        let strace = "% time     seconds  usecs/call     calls    errors syscall\n\
                      100.00    0.000000           0        29         1 total\n";
        assert_eq!(Tool::Strace.parse(strace).unwrap(), 29.0);
        assert!(Tool::Strace.parse("").is_err());
    }
}
