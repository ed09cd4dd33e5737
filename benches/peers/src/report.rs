//! The tables, in the terminal and in documents.

use crate::cells::{Cell, Load, Pair};
use crate::contenders::Contender::{self, *};
use crate::results::{Figure, Place, Results};
use crate::targets::TARGETS;
use carnegie_bench::stats::Spread;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// All tables with their titles.
pub(crate) fn tables(results: &Results) -> Vec<(String, Table)> {
    let cells = results.cells();
    let mut tables: Vec<_> = cells
        .iter()
        .map(|(cell, contenders)| {
            let table = match cell.load {
                Load::Closed => closed(results, cell, contenders),
                Load::Open(_) | Load::Beside(0) => open(results, cell, contenders),
                Load::Beside(_) => beside(results, cell, contenders),
                Load::Turns(pair) => turns(results, cell, pair),
            };
            (cell.title.to_owned(), table)
        })
        .collect();
    if !results.system_calls.is_empty() {
        tables.push(("System calls a call".to_owned(), system_calls(results)));
    }
    tables
}

/// What a document may show, by name.
pub(crate) fn block(results: &Results, name: &str) -> Option<String> {
    match name {
        "about" => Some(about(results)),
        "targets" => Some(targets(results).to_string()),
        "cells" => Some(tables(results).iter().fold(String::new(), |mut text, (title, table)| {
            let _ = write!(text, "### {title}\n\n{table}\n\n");
            text
        })),
        "speed" => Some(speed(results).to_string()),
        "readme" => Some(format!("{}\n\n{}", readme(results), about(results))),
        _ => None,
    }
}

/// The machine and the run, in two sentences.
pub(crate) fn about(results: &Results) -> String {
    let stolen = results.stolen().map_or_else(String::new, |stolen| {
        format!(
            " The hypervisor took away {:.1} % of the CPU time (at most {:.1} %).",
            stolen.median, stolen.max
        )
    });
    format!("{}.{stolen}", results.about)
}

pub(crate) fn targets(results: &Results) -> Table {
    let rows = TARGETS.iter().map(|target| {
        let digits = if target.aim < 0.1 { 3 } else { 2 };
        let measured = target.measured(results);
        vec![
            target.what.to_owned(),
            target.must.map_or_else(|| "-".to_owned(), |must| target.wanted(must)),
            target.wanted(target.aim),
            measured.map_or_else(|| "-".to_owned(), |spread| format!("{:.digits$}", spread.median)),
            measured.map_or_else(
                || "-".to_owned(),
                |spread| format!("{:.digits$}..{:.digits$}", spread.min, spread.max),
            ),
            target.verdict(results).name().to_owned(),
        ]
    });
    table(["target", "must", "aim", "measured", "spread", "verdict"], rows)
}

/// The few figures of which a reader wants to know first.
fn speed(results: &Results) -> Table {
    let who = [Tarpc, Tonic, Volo, Carnegie, Busy];
    let cells = [
        ("depth-1", "1 in flight, 32 B: p50", Echo),
        ("base", "64 in flight, 32 B", Framed),
        ("depth-512", "512 in flight, 32 B", Framed),
        ("4k", "4 KiB x 16", Framed),
        ("64k", "64 KiB x 16", Framed),
        ("1m", "1 MiB x 4", Framed),
    ];
    let rows = cells.into_iter().map(|(cell, title, limit)| {
        let shown = |contender| match cell {
            "depth-1" => results
                .spread((cell, contender), |m| m.p50)
                .map_or_else(|| "-".to_owned(), |p50| format!("{} µs", micros(p50.median))),
            _ => results
                .spread((cell, contender), |m| m.rate)
                .map_or_else(|| "-".to_owned(), |rate| format!("{}/s", count(rate.median))),
        };
        let over = match cell {
            "depth-1" => results.ratio((cell, Tarpc), (cell, Carnegie), |m| m.p50),
            _ => results.ratio((cell, Carnegie), (cell, Tarpc), |m| m.rate),
        };
        let mut row = vec![title.to_owned(), shown(limit)];
        row.extend(who.map(shown));
        row.push(spread(over));
        row
    });
    let header = [
        "",
        "raw TCP",
        "tarpc",
        "tonic",
        "volo-thrift",
        "Carnegie",
        "with `busy_poll`",
        "Carnegie over tarpc",
    ];
    table(header, rows)
}

/// The README's: Carnegie's figure, and how it compares to whom.
fn readme(results: &Results) -> Table {
    let (rate, p50, cpu): (Figure, Figure, Figure) = (|m| m.rate, |m| m.p50, |m| m.cpu());
    let rows = [
        ("1 in flight, 32 B: p50", "depth-1", p50, Echo, "raw TCP"),
        ("64 in flight, 32 B: calls/s", "base", rate, Tarpc, "tarpc"),
        ("512 in flight, 32 B: calls/s", "depth-512", rate, Tarpc, "tarpc"),
        ("512 in flight, 32 B: CPU a call", "depth-512", cpu, Tarpc, "tarpc"),
        ("64 KiB x 16: calls/s", "64k", rate, Framed, "raw TCP with frames and CRC"),
    ];
    let rows = rows.map(|(title, cell, figure, beside, whose)| {
        let shown = |contender| {
            let median = median(results, (cell, contender), figure);
            if title.ends_with("calls/s") { count(median) } else { format!("{} µs", micros(median)) }
        };
        let over = |contender| spread(results.ratio((cell, contender), (cell, beside), figure));
        let row = [shown(beside), shown(Carnegie), over(Carnegie), shown(Busy), over(Busy)];
        [vec![title.to_owned(), whose.to_owned()], row.to_vec()].concat()
    });
    table(["", "beside", "theirs", "Carnegie", "ratio", "with `busy_poll`", "ratio"], rows)
}

/// Rates, latencies, CPU time, and Carnegie's rate and CPU time over everybody's.
fn closed(results: &Results, cell: &Cell, contenders: &[Contender]) -> Table {
    let rows = contenders.iter().map(|&contender| {
        let place = (cell.name, contender);
        let rate = results.spread(place, |m| m.rate);
        let over = |figure: Figure| match contender {
            Carnegie => "-".to_owned(),
            _ => spread(results.ratio((cell.name, Carnegie), place, figure)),
        };
        vec![
            contender.name().to_owned(),
            rate.map_or_else(String::new, |rate| count(rate.median)),
            rate.map_or_else(String::new, |rate| format!("{}..{}", count(rate.min), count(rate.max))),
            micros(median(results, place, |m| m.p50)),
            micros(median(results, place, |m| m.p99)),
            cpu(results, place),
            over(|m| m.rate),
            over(|m| m.cpu()),
        ]
    });
    let header = [
        "",
        "calls/s",
        "min..max",
        "p50 µs",
        "p99 µs",
        "CPU µs a call",
        "Carnegie's rate over it",
        "Carnegie's CPU over it",
    ];
    table(header, rows)
}

/// Latencies, which is what an open loop is for.
fn open(results: &Results, cell: &Cell, contenders: &[Contender]) -> Table {
    let rows = contenders.iter().map(|&contender| {
        let place = (cell.name, contender);
        vec![
            contender.name().to_owned(),
            count(median(results, place, |m| m.rate)),
            micros(median(results, place, |m| m.p50)),
            micros_spread(results.spread(place, |m| m.p99)),
            spread(results.ratio_of((place, |m| m.p99), (place, |m| m.p50))),
            cpu(results, place),
        ]
    });
    table(["", "calls/s", "p50 µs", "p99 µs", "p99 over p50", "CPU µs a call"], rows)
}

/// Latencies of small calls, and the rate of the large ones beside them.
fn beside(results: &Results, cell: &Cell, contenders: &[Contender]) -> Table {
    let rows = contenders.iter().map(|&contender| {
        let place = (cell.name, contender);
        let alone = ("alone", contender);
        vec![
            contender.name().to_owned(),
            micros(median(results, place, |m| m.p50)),
            micros_spread(results.spread(place, |m| m.p99)),
            spread(results.ratio(place, alone, |m| m.p99)),
            count(median(results, place, |m| m.other)),
            spread(results.ratio_of((place, |m| m.other), (("1m", contender), |m| m.rate))),
        ]
    });
    table(["", "p50 µs", "p99 µs", "p99 over alone", "1 MiB calls/s", "over alone"], rows)
}

fn turns(results: &Results, cell: &Cell, pair: Pair) -> Table {
    let place = (cell.name, Carnegie);
    let names = match pair {
        Pair::OnceOrIdempotent => ["at most once", "idempotent"],
        Pair::SecondsOrHour => ["10 s", "an hour"],
    };
    let figures: [[Figure; 2]; 2] = [[|m| m.rate, |m| m.cpu()], [|m| m.other, |m| m.other_cpu]];
    let rows = [0, 1].map(|kind| {
        let [rate, cpu] = figures[kind];
        let over = |of: usize| match kind {
            0 => spread(results.ratio_of((place, figures[0][of]), (place, figures[1][of]))),
            _ => "-".to_owned(),
        };
        vec![
            names[kind].to_owned(),
            count(median(results, place, rate)),
            format!("{:.2}", median(results, place, cpu)),
            over(0),
            over(1),
        ]
    });
    table(["", "calls/s", "CPU µs a call", "rate over the other's", "CPU over the other's"], rows)
}

fn system_calls(results: &Results) -> Table {
    let mut places: Vec<(usize, Contender)> = Vec::new();
    for of in &results.system_calls {
        if !places.contains(&(of.in_flight, of.contender)) {
            places.push((of.in_flight, of.contender));
        }
    }
    let rows = places.into_iter().map(|(in_flight, contender)| {
        let there = |side: fn(&crate::results::SystemCalls) -> f64| {
            let of = results.system_calls.iter();
            Spread::of(of.filter(|of| (of.in_flight, of.contender) == (in_flight, contender)).map(side))
                .map_or_else(String::new, |spread| format!("{:.3}", spread.median))
        };
        vec![
            in_flight.to_string(),
            contender.name().to_owned(),
            there(|of| of.client),
            there(|of| of.server),
            there(|of| of.client + of.server),
        ]
    });
    table(["in flight", "", "client", "server", "both"], rows)
}

fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn median(results: &Results, place: Place, figure: Figure) -> f64 {
    results.spread(place, figure).map_or(0.0, |spread| spread.median)
}

/// CPU time a call of client and server.
fn cpu(results: &Results, place: Place) -> String {
    format!(
        "{:.2} + {:.2}",
        median(results, place, |m| m.client_cpu),
        median(results, place, |m| m.server_cpu)
    )
}

/// A latency; 0 is one that was not measured.
fn micros(value: f64) -> String {
    match value {
        0.0 => "-".to_owned(),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn micros_spread(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "-".to_owned(),
        |spread| format!("{} ({}..{})", micros(spread.median), micros(spread.min), micros(spread.max)),
    )
}

/// Three figures are as many as are worth reading.
fn count(value: f64) -> String {
    match value {
        _ if value < 999.5 => format!("{value:.0}"),
        _ if value < 1e4 => format!("{:.2} k", value / 1e3),
        _ if value < 1e5 => format!("{:.1} k", value / 1e3),
        _ if value < 1e6 => format!("{:.0} k", value / 1e3),
        _ => format!("{:.2} M", value / 1e6),
    }
}

/// A median, least and greatest in brackets.
fn spread(spread: Option<Spread>) -> String {
    match spread {
        None => "-".to_owned(),
        Some(Spread { min, median, max }) => format!("{median:.2} ({min:.2}..{max:.2})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::Measured;
    use crate::results::Row;

    #[test]
    fn counts_have_three_figures() {
        let counts = [7.0, 999.7, 1_234.0, 12_345.0, 123_456.0, 1_234_567.0].map(count);
        assert_eq!(counts, ["7", "1.00 k", "1.23 k", "12.3 k", "123 k", "1.23 M"]);
    }

    #[test]
    fn every_kind_of_cell_has_its_table_in_a_document() {
        let row = |cell: &str| {
            let measured =
                Measured { rate: 1_000.0, p50: 20.0, p99: 40.0, other: 500.0, ..Measured::default() };
            let cell = cell.parse::<&'static Cell>().unwrap();
            Row { round: 0, cell, contender: Carnegie, rate: 0.0, measured, stolen: 0.0 }
        };
        let rows = ["base", "open-50", "beside", "once"].map(row).into();
        let text = block(&Results { rows, ..Results::default() }, "cells").unwrap();
        for expected in ["### 64 in flight", "| carnegie", "2.00 (2.00..2.00)", "| at most once"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert_eq!(block(&Results::default(), "anything"), None);
    }

    #[test]
    fn the_readme_tells_carnegies_figures_over_those_of_others() {
        let row = |contender, rate| {
            let measured = Measured { rate, ..Measured::default() };
            Row { round: 0, cell: "base".parse().unwrap(), contender, rate: 0.0, measured, stolen: 0.0 }
        };
        let rows = vec![row(Tarpc, 1_000.0), row(Carnegie, 3_000.0)];
        let text = readme(&Results { rows, ..Results::default() }).to_string();
        for expected in ["1.00 k", "3.00 k", "3.00 (3.00..3.00)"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
