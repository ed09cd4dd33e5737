//! The rates of all closed loops as one picture: a row for each cell, a mark for each contender, on a logarithmic scale.

use crate::Failure;
use crate::cells::{Cell, Load};
use crate::contenders::Contender::{self, *};
use crate::results::Results;
use carnegie_bench::stats::Spread;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

pub(crate) const FILE: &str = "benchmarks.svg";

const WIDTH: u32 = 1_100;
/// Height of a row, of the legend above all rows, and of the scale below.
const ROW: u32 = 54;
const LEGEND: u32 = 70;
const SCALE: u32 = 50;
/// Where the titles of the rows end.
const TITLES: u32 = 250;

/// Who is drawn, in which colour; the limits are hollow.
const DRAWN: [(Contender, RGBColor); 12] = [
    (Carnegie, RGBColor(0, 70, 200)),
    (Busy, RGBColor(90, 170, 255)),
    (Tarpc, RGBColor(235, 120, 0)),
    (Tonic, RGBColor(0, 140, 70)),
    (Volo, RGBColor(200, 30, 60)),
    (VoloPool, RGBColor(240, 140, 170)),
    (Framed, RGBColor(40, 40, 40)),
    (FramedUnchecked, RGBColor(110, 110, 110)),
    (Copy, RGBColor(170, 170, 170)),
    (Echo, RGBColor(40, 40, 40)),
    (Blocking, RGBColor(110, 110, 110)),
    (Spinning, RGBColor(170, 170, 170)),
];

fn is_limit(contender: Contender) -> bool {
    matches!(contender, Framed | FramedUnchecked | Copy | Echo | Blocking | Spinning)
}

/// A contender's mark in a row: which of `DRAWN`, and its rate.
type Mark = (usize, Spread);

/// Draws it; nothing if there is nothing to draw.
pub(crate) fn write(results: &Results, folder: &Path) -> Result<(), Failure> {
    let rows = rows(results);
    let Some(range) = decades(rows.iter().flat_map(|(_, marks)| marks).map(|(_, rate)| *rate)) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)?;
    let path = folder.join(FILE);
    let root = SVGBackend::new(&path, (WIDTH, LEGEND + ROW * rows.len() as u32 + SCALE)).into_drawing_area();
    draw(&root, &rows, range).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(root.present()?)
}

fn rows(results: &Results) -> Vec<(&'static Cell, Vec<Mark>)> {
    let closed = results.cells().into_iter().filter(|(cell, _)| cell.load == Load::Closed);
    closed
        .map(|(cell, _)| {
            let mark = |(at, (contender, _)): (usize, &(Contender, RGBColor))| {
                Some((at, results.spread((cell.name, *contender), |m| m.rate)?))
            };
            (cell, DRAWN.iter().enumerate().filter_map(mark).collect())
        })
        .collect()
}

/// From the power of ten below all rates to the one above; `None` for no rates.
fn decades(rates: impl Iterator<Item = Spread>) -> Option<[f64; 2]> {
    let rates: Vec<Spread> = rates.filter(|rate| rate.min > 0.0).collect();
    let least = rates.iter().map(|rate| rate.min).min_by(f64::total_cmp)?;
    let greatest = rates.iter().map(|rate| rate.max).max_by(f64::total_cmp)?;
    let low = least.log10().floor();
    Some([10f64.powf(low), 10f64.powf(greatest.log10().ceil().max(low + 1.0))])
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(root: &Area<'_>, rows: &[(&'static Cell, Vec<Mark>)], [low, high]: [f64; 2]) -> Result<(), Failure> {
    root.fill(&WHITE)?;
    legend(root)?;
    let mut chart = ChartBuilder::on(root)
        .margin_top(LEGEND)
        .margin_left(TITLES)
        .margin_right(30)
        .x_label_area_size(SCALE)
        .build_cartesian_2d((low..high).log_scale(), rows.len() as f64..0.0)?;
    let axis = "calls a second (median; the line is from the least to the greatest)";
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_label_formatter(&|rate| short(*rate))
        .x_desc(axis)
        .bold_line_style(BLACK.mix(0.25))
        .light_line_style(BLACK.mix(0.07))
        .label_style(("sans-serif", 14))
        .draw()?;
    let plot = chart.plotting_area();
    for (at, (cell, marks)) in rows.iter().enumerate() {
        let top = at as f64;
        plot.draw(&PathElement::new([(low, top), (high, top)], BLACK.mix(0.25)))?;
        let (x, y) = plot.map_coordinate(&(low, top + 0.5));
        let anchored = ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(cell.title, (x - 12, y), anchored))?;
        for (lane, (of, rate)) in marks.iter().enumerate() {
            // Marks lie a little below each other, so that none hides another one.
            let y = top + (lane as f64 + 0.75) / (marks.len() as f64 + 0.5);
            let (contender, colour) = DRAWN[*of];
            plot.draw(&PathElement::new([(rate.min, y), (rate.max, y)], colour.stroke_width(1)))?;
            let style = if is_limit(contender) { colour.stroke_width(2) } else { colour.filled() };
            plot.draw(&Circle::new((rate.median, y), 4, style))?;
        }
    }
    Ok(())
}

/// Who is who: the frameworks, and below them the limits.
fn legend(root: &Area<'_>) -> Result<(), Failure> {
    let style = ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    for (line, limits) in [false, true].into_iter().enumerate() {
        let drawn = DRAWN.iter().filter(|(contender, _)| is_limit(*contender) == limits);
        for (at, (contender, colour)) in drawn.enumerate() {
            let place = (30 + 175 * at as i32, 20 + 26 * line as i32);
            let filled = if limits { colour.stroke_width(2) } else { colour.filled() };
            root.draw(&Circle::new(place, 5, filled))?;
            root.draw(&Text::new(contender.name(), (place.0 + 12, place.1), style.clone()))?;
        }
    }
    Ok(())
}

/// 1,000 as "1 k".
fn short(rate: f64) -> String {
    match rate {
        _ if rate < 1e3 => format!("{rate:.0}"),
        _ if rate < 1e6 => format!("{:.0} k", rate / 1e3),
        _ => format!("{:.0} M", rate / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_reaches_from_power_of_ten_to_power_of_ten() {
        let spread = |min: f64, max: f64| Spread { min, median: min, max };
        assert_eq!(decades([spread(123.0, 200.0), spread(500.0, 2e6)].into_iter()), Some([100.0, 1e7]));
        assert_eq!(decades([spread(100.0, 100.0)].into_iter()), Some([100.0, 1_000.0]));
        assert_eq!(decades(std::iter::empty()), None);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!([10.0, 1e3, 1e5, 1e7].map(short), ["10", "1 k", "100 k", "10 M"]);
    }
}
