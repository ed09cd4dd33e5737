//! The tables.

use crate::cells::Cell;
use crate::contenders::Contender;
use crate::results::{Figure, Results};
use carnegie_bench::stats::Spread;
use comfy_table::{CellAlignment, Table};

/// One table a cell: rates, latencies, CPU time, and everybody's rate over Carnegie's turned round.
pub(crate) fn tables(results: &Results) -> Vec<(String, Table)> {
    let cells = results.cells();
    cells.iter().map(|(cell, contenders)| (cell.title.to_owned(), table(results, cell, contenders))).collect()
}

fn table(results: &Results, cell: &Cell, contenders: &[Contender]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "",
        "calls/s",
        "min..max",
        "p50 µs",
        "p99 µs",
        "CPU µs a call",
        "Carnegie's rate / this",
        "Carnegie's CPU / this",
    ]);
    for &contender in contenders {
        let place = (cell.name, contender);
        let median = |figure: Figure| results.spread(place, figure).map_or(0.0, |spread| spread.median);
        let rate = results.spread(place, |m| m.rate);
        let over = |figure: Figure| match contender {
            Contender::Carnegie => "-".to_owned(),
            _ => spread(results.ratio((cell.name, Contender::Carnegie), place, figure)),
        };
        table.add_row([
            contender.name().to_owned(),
            rate.map_or_else(String::new, |rate| count(rate.median)),
            rate.map_or_else(String::new, |rate| format!("{}..{}", count(rate.min), count(rate.max))),
            micros(median(|m| m.p50)),
            micros(median(|m| m.p99)),
            format!("{:.2} + {:.2}", median(|m| m.client_cpu), median(|m| m.server_cpu)),
            over(|m| m.rate),
            over(|m| m.cpu()),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A latency; 0 is one that was not measured.
fn micros(value: f64) -> String {
    match value {
        0.0 => "-".to_owned(),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Three figures are as many as are worth reading.
fn count(value: f64) -> String {
    match value {
        _ if value < 1e3 => format!("{value:.0}"),
        _ if value < 1e4 => format!("{:.2} k", value / 1e3),
        _ if value < 1e5 => format!("{:.1} k", value / 1e3),
        _ if value < 1e6 => format!("{:.0} k", value / 1e3),
        _ => format!("{:.2} M", value / 1e6),
    }
}

/// A median, least and greatest in brackets.
pub(crate) fn spread(spread: Option<Spread>) -> String {
    match spread {
        None => "-".to_owned(),
        Some(Spread { min, median, max }) => format!("{median:.2} ({min:.2}..{max:.2})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_three_figures() {
        let counts = [7.0, 1_234.0, 12_345.0, 123_456.0, 1_234_567.0].map(count);
        assert_eq!(counts, ["7", "1.23 k", "12.3 k", "123 k", "1.23 M"]);
    }
}
