//! All measurements of a run, and the figures that follow from them.

use crate::cells::Cell;
use crate::contenders::Contender;
use crate::measured::Measured;
use carnegie_bench::stats::Spread;
use serde::{Deserialize, Serialize};

/// One measurement and where it belongs.
pub(crate) struct Row {
    pub(crate) round: usize,
    pub(crate) cell: &'static Cell,
    pub(crate) contender: Contender,
    /// Calls a second that were due, of an open loop.
    pub(crate) rate: f64,
    pub(crate) measured: Measured,
    /// Percent of the machine's CPU time that the hypervisor took away meanwhile.
    pub(crate) stolen: f64,
}

/// A cell's name and who was measured in it.
pub(crate) type Place = (&'static str, Contender);

pub(crate) type Figure = fn(&Measured) -> f64;

/// System calls a call of the two processes, counted once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SystemCalls {
    pub(crate) round: usize,
    pub(crate) in_flight: usize,
    pub(crate) contender: Contender,
    pub(crate) client: f64,
    pub(crate) server: f64,
}

#[derive(Default)]
pub(crate) struct Results {
    /// The machine, the versions, the run.
    pub(crate) about: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) system_calls: Vec<SystemCalls>,
    /// What could not be measured, and why.
    pub(crate) failures: Vec<String>,
}

impl Results {
    /// A figure's value in each round.
    fn by_round(&self, (cell, contender): Place, figure: Figure) -> Vec<(usize, f64)> {
        let there = self.rows.iter().filter(|row| row.cell.name == cell && row.contender == contender);
        there.map(|row| (row.round, figure(&row.measured))).collect()
    }

    pub(crate) fn spread(&self, place: Place, figure: Figure) -> Option<Spread> {
        Spread::of(
            self.by_round(place, figure)
                .into_iter()
                .map(|(_, value)| value)
                .filter(|value| value.is_finite()),
        )
    }

    /// The ratio of two figures, taken within each round, so that what the machine did in that round cancels out.
    pub(crate) fn ratio(&self, above: Place, below: Place, figure: Figure) -> Option<Spread> {
        self.ratio_of((above, figure), (below, figure))
    }

    pub(crate) fn ratio_of(&self, above: (Place, Figure), below: (Place, Figure)) -> Option<Spread> {
        let below = self.by_round(below.0, below.1);
        let ratios = self.by_round(above.0, above.1).into_iter().filter_map(|(round, value)| {
            let (_, other) = below.iter().find(|(of, _)| *of == round)?;
            Some(value / other)
        });
        Spread::of(ratios.filter(|ratio| ratio.is_finite()))
    }

    /// System calls a call, of both processes.
    pub(crate) fn system_calls(&self, in_flight: usize, contender: Contender) -> Option<Spread> {
        let there =
            self.system_calls.iter().filter(|of| of.in_flight == in_flight && of.contender == contender);
        Spread::of(there.map(|of| of.client + of.server))
    }

    /// Percent of CPU time that the hypervisor took away, over all measurements.
    pub(crate) fn stolen(&self) -> Option<Spread> {
        Spread::of(self.rows.iter().map(|row| row.stolen))
    }

    /// A contender's rate in the base cell, as measured so far.
    pub(crate) fn capacity(&self, contender: Contender) -> Option<f64> {
        self.spread(("base", contender), |measured| measured.rate).map(|spread| spread.median)
    }

    /// The cells that were measured, in order, with those who took part.
    pub(crate) fn cells(&self) -> Vec<(&'static Cell, Vec<Contender>)> {
        let mut cells: Vec<(&'static Cell, Vec<Contender>)> = Vec::new();
        for cell in crate::cells::CELLS {
            let took_part = |contender: &&Contender| {
                self.rows.iter().any(|row| row.cell.name == cell.name && row.contender == **contender)
            };
            let contenders: Vec<_> = cell.contenders.iter().filter(took_part).copied().collect();
            if !contenders.is_empty() {
                cells.push((cell, contenders));
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Contender::{Carnegie, Tarpc};

    fn row(round: usize, contender: Contender, rate: f64) -> Row {
        let measured = Measured { rate, ..Measured::default() };
        Row { round, cell: "base".parse().unwrap(), contender, rate: 0.0, measured, stolen: 0.0 }
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        // The machine is ten times slower in round 1; the ratio is 2 in both.
        let rows =
            vec![row(0, Tarpc, 100.0), row(0, Carnegie, 200.0), row(1, Carnegie, 20.0), row(1, Tarpc, 10.0)];
        let ratio = Results { rows, ..Results::default() }
            .ratio(("base", Carnegie), ("base", Tarpc), |m| m.rate)
            .unwrap();
        assert_eq!(ratio, Spread { min: 2.0, median: 2.0, max: 2.0 });
    }

    #[test]
    fn a_figure_that_was_not_measured_has_no_spread() {
        let results = Results { rows: vec![row(0, Carnegie, 1.0)], ..Results::default() };
        assert_eq!(results.ratio(("base", Carnegie), ("base", Tarpc), |m| m.rate), None);
        assert_eq!(results.spread(("depth-1", Carnegie), |m| m.rate), None);
        assert_eq!(results.ratio_of((("base", Carnegie), |m| m.rate), (("base", Carnegie), |m| m.p50)), None);
    }
}
