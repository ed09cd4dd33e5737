//! How many instructions a call takes, under callgrind: the same on a machine that is busy, so that a few percent can be seen.
//! `README.md` beside `Cargo.toml` says how it is measured.

mod callgrind;
mod kept;
mod two_sides;

use callgrind::{Counts, Tool};
use carnegie_bench::{Failure, exit};
use clap::{Parser, Subcommand};
use kept::{Cell, Kept, Row};
use std::process::ExitCode;

/// Calls of the shorter of the two runs whose difference is taken.
const CALLS: u64 = 5120;

#[derive(Parser)]
#[command(about = "Instructions a call, under callgrind, against those that were kept")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Keep what is measured now, in benches/instructions.txt
    #[arg(long)]
    update: bool,
    /// One number of calls in flight in place of all
    #[arg(long)]
    in_flight: Option<u64>,
    /// Where the instructions are: so many functions of each side, dearest first
    #[arg(long, value_name = "N", default_value_t = 0)]
    functions: usize,
}

#[derive(Subcommand)]
enum Role {
    /// The calls alone, to be run under a tool of your own
    Call {
        cell: Cell,
        #[arg(long, default_value_t = CALLS)]
        calls: u64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit(match arguments.role {
        Some(Role::Call { cell, calls }) => two_sides::run(cell, calls),
        None => measure(&arguments),
    })
}

fn measure(arguments: &Arguments) -> Result<bool, Failure> {
    let tool = Tool::find()?;
    let kept = Kept::read()?;
    let cells = kept::CELLS.iter().filter(|cell| arguments.in_flight.is_none_or(|it| it == cell.in_flight));
    let mut rows = Vec::new();
    println!("{}", Row::head());
    for &cell in cells {
        let (once, twice) = (tool.count(cell, CALLS)?, tool.count(cell, 2 * CALLS)?);
        let a_call = |side: fn(&Counts) -> u64| (side(&twice).abs_diff(side(&once))) as f64 / CALLS as f64;
        let row = Row { cell, client: a_call(|it| it.client.total), server: a_call(|it| it.server.total) };
        println!("{}", row.beside(kept.row(cell)));
        for (name, of) in
            [("client", [&once.client, &twice.client]), ("server", [&once.server, &twice.server])]
        {
            for (function, count) in callgrind::dearest(of[0], of[1], arguments.functions) {
                println!("    {name} {:>8.1}  {function}", count as f64 / CALLS as f64);
            }
        }
        rows.push(row);
    }
    if arguments.update {
        kept.with(&rows).write()?;
        println!("kept in {}", kept::path().display());
        return Ok(true);
    }
    let worse: Vec<_> = rows.iter().filter_map(|row| row.worse_than(kept.row(row.cell)?)).collect();
    for line in &worse {
        println!("{line}");
    }
    if !worse.is_empty() {
        println!("Where they are: --functions 30. If they are worth it, keep them: --update.");
    }
    Ok(worse.is_empty())
}
