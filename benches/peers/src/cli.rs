//! The command line, in each of the program's roles.

use crate::Failure;
use crate::cells::{CELLS, Cell};
use crate::contenders::Contender;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Carnegie beside tarpc, tonic, volo-thrift and raw TCP, in turns.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) plan: Plan,
}

/// The processes that the program starts of itself.
#[derive(Subcommand)]
pub(crate) enum Role {
    /// A server, until it is killed.
    #[command(hide = true)]
    Serve(Serve),
    /// A client that makes one measurement.
    #[command(hide = true)]
    Call(Call),
}

/// A whole run.
#[derive(Args)]
pub(crate) struct Plan {
    /// Within five minutes: 3 rounds of short windows. Shows that everything works; not for figures.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds, each of which measures everything once [default: 10, quick: 3]
    #[arg(long)]
    rounds: Option<usize>,
    /// Length of a window in ms [default: 700, quick: 150]
    #[arg(long)]
    window_ms: Option<u64>,
    /// Only this cell, this contender, or this contender in this cell; may be repeated
    #[arg(long, value_name = "CELL/CONTENDER")]
    pub(crate) only: Vec<Only>,
    /// Count system calls and measure nothing else; a run without `--only` counts them at its end
    #[arg(long)]
    pub(crate) syscalls: bool,
    /// Exit code 1 if a "must" of the targets was missed
    #[arg(long)]
    pub(crate) check: bool,
    /// Measure nothing: tables and chart of the CSV files in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["quick", "rounds", "only", "syscalls"])]
    pub(crate) from: Option<PathBuf>,
    /// Where the CSV files and the chart are written [default: beside the program]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write the figures into this document, between its `<!-- figures: .. -->` and `<!-- /figures -->`; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Vec<PathBuf>,
}

impl Plan {
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 10 }).max(1)
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms.unwrap_or(if self.quick { 150 } else { 700 }).max(10))
    }

    pub(crate) fn window_of(&self, cell: &Cell) -> Duration {
        self.window() * cell.longer
    }

    pub(crate) fn warmup(&self) -> Duration {
        self.window().mul_f64(0.3)
    }

    /// Whether system calls are counted.
    pub(crate) fn counts(&self) -> bool {
        self.syscalls || self.only.is_empty()
    }

    /// One line about the run.
    pub(crate) fn describe(&self) -> String {
        format!("{} rounds, windows of {} ms", self.rounds(), self.window().as_millis())
    }

    /// Where files are written.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        match &self.out {
            Some(out) => Ok(out.clone()),
            None => Ok(std::env::current_exe()?.with_file_name("")),
        }
    }

    /// What is measured in a round, in order.
    pub(crate) fn items(&self) -> Vec<(&'static Cell, Contender)> {
        if self.syscalls {
            return Vec::new();
        }
        let all =
            CELLS.iter().flat_map(|cell| cell.contenders.iter().map(move |&contender| (cell, contender)));
        all.filter(|&(cell, contender)| {
            self.only.is_empty() || self.only.iter().any(|only| only.admits(cell, contender))
        })
        .collect()
    }
}

/// `CELL`, `CONTENDER` or `CELL/CONTENDER`.
#[derive(Clone)]
pub(crate) struct Only {
    cell: Option<&'static str>,
    contender: Option<Contender>,
}

impl Only {
    fn admits(&self, cell: &Cell, contender: Contender) -> bool {
        self.cell.is_none_or(|only| only == cell.name) && self.contender.is_none_or(|only| only == contender)
    }
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Only, String> {
        let cell = |name: &str| name.parse::<&'static Cell>().map(|cell| cell.name);
        if let Some((first, second)) = text.split_once('/') {
            return Ok(Only { cell: Some(cell(first)?), contender: Some(second.parse()?) });
        }
        if let Ok(contender) = text.parse() {
            return Ok(Only { cell: None, contender: Some(contender) });
        }
        Ok(Only { cell: Some(cell(text)?), contender: None })
    }
}

#[derive(Args)]
pub(crate) struct Serve {
    pub(crate) contender: Contender,
    /// On the server's CPU, in one thread.
    #[arg(long)]
    pub(crate) pinned: bool,
}

#[derive(Args)]
pub(crate) struct Call {
    pub(crate) contender: Contender,
    pub(crate) cell: &'static Cell,
    pub(crate) server: SocketAddr,
    pub(crate) server_pid: i32,
    #[arg(long)]
    warmup_ms: u64,
    #[arg(long)]
    window_ms: u64,
    /// Calls a second, of an open loop.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) rate: f64,
}

impl Call {
    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_millis(self.warmup_ms)
    }

    pub(crate) fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_takes_a_cell_a_contender_or_both() {
        let items = |only: &[&str]| {
            let words = only.iter().flat_map(|only| ["--only", only]);
            let cli = Cli::try_parse_from(std::iter::once("peers").chain(words)).unwrap();
            cli.plan.items()
        };
        assert!(items(&["base"]).iter().all(|(cell, _)| cell.name == "base"));
        assert!(items(&["tarpc"]).iter().all(|(_, contender)| *contender == Contender::Tarpc));
        assert_eq!(items(&["base/tarpc", "depth-1/echo"]).len(), 2);
        assert!(Cli::try_parse_from(["peers", "--only", "nothing"]).is_err());
    }
}
