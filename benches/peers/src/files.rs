//! Every measurement as a line of a CSV file, and back.

use crate::Failure;
use crate::cells::Cell;
use crate::contenders::Contender;
use crate::measured::Measured;
use crate::results::{Results, Row, SystemCalls};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::path::Path;

pub(crate) const MEASUREMENTS: &str = "benchmarks.csv";
pub(crate) const SYSTEM_CALLS: &str = "benchmarks-syscalls.csv";

/// One measurement. Latencies and CPU time a call are in microseconds; `other_*` is the second kind of calls where there are two.
#[derive(Serialize, Deserialize)]
struct Line {
    round: usize,
    cell: String,
    contender: Contender,
    connections: usize,
    in_flight: usize,
    due_per_s: f64,
    calls_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    client_cpu_us: f64,
    server_cpu_us: f64,
    other_per_s: f64,
    other_cpu_us: f64,
    stolen_percent: f64,
}

/// A nanosecond is as fine as any of this.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl From<&Row> for Line {
    fn from(row: &Row) -> Line {
        let measured = &row.measured;
        Line {
            round: row.round,
            cell: row.cell.name.to_owned(),
            contender: row.contender,
            connections: row.cell.connections,
            in_flight: row.cell.depth,
            due_per_s: rounded(row.rate),
            calls_per_s: rounded(measured.rate),
            p50_us: rounded(measured.p50),
            p99_us: rounded(measured.p99),
            client_cpu_us: rounded(measured.client_cpu),
            server_cpu_us: rounded(measured.server_cpu),
            other_per_s: rounded(measured.other),
            other_cpu_us: rounded(measured.other_cpu),
            stolen_percent: rounded(row.stolen),
        }
    }
}

impl TryFrom<Line> for Row {
    type Error = Failure;

    fn try_from(line: Line) -> Result<Row, Failure> {
        let measured = Measured {
            rate: line.calls_per_s,
            p50: line.p50_us,
            p99: line.p99_us,
            client_cpu: line.client_cpu_us,
            server_cpu: line.server_cpu_us,
            other: line.other_per_s,
            other_cpu: line.other_cpu_us,
            // Whoever counts system calls needs it, and only then.
            made: 0.0,
        };
        Ok(Row {
            round: line.round,
            cell: line.cell.parse::<&'static Cell>()?,
            contender: line.contender,
            rate: line.due_per_s,
            measured,
            stolen: line.stolen_percent,
        })
    }
}

/// Writes both files; their first line tells of the run.
pub(crate) fn write(results: &Results, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    lines(&folder.join(MEASUREMENTS), &results.about, results.rows.iter().map(Line::from))?;
    lines(&folder.join(SYSTEM_CALLS), &results.about, results.system_calls.iter())
}

fn lines<L: Serialize>(path: &Path, about: &str, lines: impl Iterator<Item = L>) -> Result<(), Failure> {
    let mut file = fs::File::create(path)?;
    writeln!(file, "# {about}")?;
    let mut writer = csv::Writer::from_writer(file);
    for line in lines {
        writer.serialize(line)?;
    }
    Ok(writer.flush()?)
}

/// What `write` wrote.
pub(crate) fn read(folder: &Path) -> Result<Results, Failure> {
    let of = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let (measurements, system_calls) = (of(MEASUREMENTS)?, of(SYSTEM_CALLS)?);
    let about = measurements.lines().next().unwrap_or_default().trim_start_matches("# ");
    let rows = reader(&measurements).into_deserialize::<Line>().map(|line| Row::try_from(line?));
    Ok(Results {
        about: about.to_owned(),
        rows: rows.collect::<Result<_, Failure>>()?,
        system_calls: reader(&system_calls).into_deserialize::<SystemCalls>().collect::<Result<_, _>>()?,
        failures: Vec::new(),
    })
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = std::env::temp_dir().join(format!("carnegie-peers-{}", std::process::id()));
        let measured = Measured { rate: 1.5, p50: 2.25, other_cpu: 0.125, ..Measured::default() };
        let cell: &'static Cell = "once".parse().unwrap();
        let row =
            Row { round: 7, cell, contender: Contender::FramedUnchecked, rate: 8.0, measured, stolen: 0.5 };
        let counted = SystemCalls {
            round: 1,
            in_flight: 64,
            contender: Contender::VoloPool,
            client: 0.25,
            server: 0.125,
        };
        let results = Results {
            about: "a machine, #1".to_owned(),
            rows: vec![row],
            system_calls: vec![counted],
            failures: Vec::new(),
        };
        write(&results, &folder).unwrap();
        let again = read(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let again = again.unwrap();
        assert_eq!((again.about, again.system_calls), (results.about, results.system_calls));
        let (row, before) = (&again.rows[0], &results.rows[0]);
        assert_eq!((row.round, row.cell.name, row.contender), (7, "once", Contender::FramedUnchecked));
        assert_eq!((row.rate, row.measured, row.stolen), (before.rate, before.measured, before.stolen));
    }
}
