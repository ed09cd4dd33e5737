//! The table, the floors and the file of all measurements.

use crate::Failure;
use crate::args::Plan;
use crate::contender::Contender;
use crate::direct::Row;
use crate::load::Measured;
use crate::stats::Spread;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// At 64 in flight: Carnegie's rate over tarpc's, at least.
const RATE_OVER_TARPC: f64 = 1.5;
/// At 1 in flight: Carnegie's median latency over the raw echo's, at most.
const P50_OVER_RAW: f64 = 1.15;

type Figure = fn(&Measured) -> f64;

/// A figure of one contender at one depth, one value a round: the mean of the round's measurements.
fn by_round(rows: &[Row], contender: Contender, in_flight: usize, figure: Figure) -> Vec<f64> {
    let rounds = rows.iter().map(|row| row.round + 1).max().unwrap_or(0);
    let of_round = |round: usize| {
        let values: Vec<f64> = rows
            .iter()
            .filter(|row| (row.round, row.contender, row.in_flight) == (round, contender, in_flight))
            .map(|row| figure(&row.measured))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    (0..rounds).filter_map(of_round).collect()
}

/// The ratio of one contender's figure to another's, taken within each round, so that what the machine did in that
/// round cancels out.
fn ratio(rows: &[Row], over: (Contender, Contender), in_flight: usize, figure: Figure) -> Option<Spread> {
    let (above, below) =
        (by_round(rows, over.0, in_flight, figure), by_round(rows, over.1, in_flight, figure));
    Spread::of(above.into_iter().zip(below).map(|(above, below)| above / below))
}

pub(crate) fn table(plan: &Plan, rows: &[Row]) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_table(&mut text, plan, rows);
    text
}

fn write_table(text: &mut String, plan: &Plan, rows: &[Row]) -> fmt::Result {
    writeln!(
        text,
        "| in flight | | calls/s, median (min..max) | p50 µs | p99 µs | CPU µs a call, client + server | rate / tarpc | p50 / raw |\n\
         |---|---|---|---|---|---|---|---|"
    )?;
    for &depth in &plan.depths {
        for &contender in plan.contenders.iter().filter(|one| one.takes_part_at(depth)) {
            let spread = |figure: Figure| Spread::of(by_round(rows, contender, depth, figure));
            let median = |figure: Figure| spread(figure).map_or(0.0, |spread| spread.median);
            let rate = spread(|m| m.rate).unwrap_or(Spread { min: 0.0, median: 0.0, max: 0.0 });
            writeln!(
                text,
                "| {depth} | {} | {} ({}..{}) | {:.1} | {:.1} | {:.2} + {:.2} | {} | {} |",
                contender.name(),
                thousands(rate.median),
                thousands(rate.min),
                thousands(rate.max),
                median(|m| m.p50),
                median(|m| m.p99),
                median(|m| m.client_cpu),
                median(|m| m.server_cpu),
                times(
                    ratio(rows, (contender, Contender::Tarpc), depth, |m| m.rate),
                    contender == Contender::Tarpc
                ),
                times(
                    ratio(rows, (contender, Contender::Raw), depth, |m| m.p50),
                    contender == Contender::Raw
                ),
            )?;
        }
    }
    for &depth in &plan.depths {
        let over = (Contender::Carnegie, Contender::Idempotent);
        let (rate, p50) = (ratio(rows, over, depth, |m| m.rate), ratio(rows, over, depth, |m| m.p50));
        if rate.is_some() {
            let (rate, p50) = (times(rate, false), times(p50, false));
            writeln!(text, "at most once over idempotent, {depth} in flight: rate {rate}, p50 {p50}")?;
        }
    }
    let stolen = rows.iter().filter(|row| row.stolen > 1.0).count();
    if stolen > 0 {
        writeln!(
            text,
            "{stolen} of {} measurements lost over 1 % of CPU time to the hypervisor",
            rows.len()
        )?;
    }
    Ok(())
}

fn thousands(value: f64) -> String {
    format!("{:.1} k", value / 1e3)
}

fn times(ratio: Option<Spread>, itself: bool) -> String {
    match ratio {
        Some(ratio) if !itself => format!("{:.2} ({:.2}..{:.2})", ratio.median, ratio.min, ratio.max),
        _ => "-".to_owned(),
    }
}

/// A bound on a ratio, and what came out.
pub(crate) struct Floor {
    what: &'static str,
    wanted: String,
    got: Option<Spread>,
    pub(crate) holds: bool,
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "holds" } else { "MISSED" };
        match self.got {
            Some(got) => write!(f, "{verdict}: {}: {:.2}, wanted {}", self.what, got.median, self.wanted),
            None => write!(f, "{verdict}: {}: not measured, wanted {}", self.what, self.wanted),
        }
    }
}

/// The two floors; one that this run did not measure counts as missed.
pub(crate) fn floors(rows: &[Row]) -> [Floor; 2] {
    let rate = ratio(rows, (Contender::Carnegie, Contender::Tarpc), 64, |m| m.rate);
    let p50 = ratio(rows, (Contender::Carnegie, Contender::Raw), 1, |m| m.p50);
    [
        Floor {
            what: "rate over tarpc's at 64 in flight",
            wanted: format!("at least {RATE_OVER_TARPC}"),
            got: rate,
            holds: rate.is_some_and(|rate| rate.median >= RATE_OVER_TARPC),
        },
        Floor {
            what: "p50 over the raw echo's at 1 in flight",
            wanted: format!("at most {P50_OVER_RAW}"),
            got: p50,
            holds: p50.is_some_and(|p50| p50.median <= P50_OVER_RAW),
        },
    ]
}

/// Writes every measurement beside the program, into the folder that cargo builds in.
pub(crate) fn write_csv(rows: &[Row]) -> Result<PathBuf, Failure> {
    let mut text =
        "round,in_flight,contender,calls_per_s,p50_us,p99_us,client_cpu_us,server_cpu_us,stolen_percent\n"
            .to_owned();
    for Row { round, in_flight, contender, measured, stolen } in rows {
        let Measured { rate, p50, p99, client_cpu, server_cpu } = measured;
        writeln!(
            text,
            "{round},{in_flight},{},{rate:.1},{p50:.3},{p99:.3},{client_cpu:.4},{server_cpu:.4},{stolen:.2}",
            contender.name()
        )?;
    }
    let path = std::env::current_exe()?.with_file_name("carnegie-bench.csv");
    std::fs::write(&path, text)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(round: usize, contender: Contender, rate: f64) -> Row {
        let measured = Measured { rate, ..Measured::default() };
        Row { round, in_flight: 64, contender, measured, stolen: 0.0 }
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        use Contender::{Carnegie, Tarpc};
        // The machine is ten times slower in round 1; the ratio is 2 in both.
        let rows =
            [row(0, Tarpc, 100.0), row(0, Carnegie, 200.0), row(1, Tarpc, 10.0), row(1, Carnegie, 20.0)];
        let ratio = ratio(&rows, (Carnegie, Tarpc), 64, |m| m.rate).unwrap();
        assert_eq!(ratio, Spread { min: 2.0, median: 2.0, max: 2.0 });
    }

    #[test]
    fn a_floor_that_was_not_measured_is_missed() {
        assert!(floors(&[]).iter().all(|floor| !floor.holds));
    }
}
