//! The counts that were kept, and how new ones compare.

use carnegie_bench::Failure;
use std::fmt::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

/// More than this, in percent of what was kept, and the program fails.
const MORE_PERCENT: f64 = 5.0;

/// What calls are counted of: `64` for ordinary ones, 64 in flight; `64-idempotent` for idempotent ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) in_flight: u64,
    pub(crate) idempotent: bool,
}

pub(crate) const CELLS: [Cell; 4] = [
    Cell { in_flight: 1, idempotent: false },
    Cell { in_flight: 64, idempotent: false },
    Cell { in_flight: 512, idempotent: false },
    Cell { in_flight: 64, idempotent: true },
];

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.in_flight, if self.idempotent { "-idempotent" } else { "" }))
    }
}

impl FromStr for Cell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, idempotent) = text.strip_suffix("-idempotent").map_or((text, false), |it| (it, true));
        let in_flight = number.parse().map_err(|_| format!("{text:?}: a number, or 64-idempotent"))?;
        if in_flight == 0 { Err("no call in flight".to_owned()) } else { Ok(Self { in_flight, idempotent }) }
    }
}

/// Instructions a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) client: f64,
    pub(crate) server: f64,
}

impl Row {
    pub(crate) fn head() -> String {
        format!(
            "{:14} {:>8} {:>8} {:>8}   {:>8} {:>8}",
            "in flight", "client", "server", "both", "kept", "ratio"
        )
    }

    fn both(&self) -> f64 {
        self.client + self.server
    }

    /// The line of the table.
    pub(crate) fn beside(&self, kept: Option<Row>) -> String {
        let Row { cell, client, server } = self;
        let mut line = format!("{cell:14} {client:>8.0} {server:>8.0} {:>8.0}", self.both());
        if let Some(kept) = kept {
            // A String takes whatever is written.
            let _ = write!(line, "   {:>8.0} {:>8.3}", kept.both(), self.both() / kept.both());
        }
        line
    }

    /// What to say if it is too much more than what was kept, on either side.
    pub(crate) fn worse_than(&self, kept: Row) -> Option<String> {
        let sides = [("client", self.client, kept.client), ("server", self.server, kept.server)];
        let more = |now: f64, before: f64| 100.0 * (now / before - 1.0);
        let worse: Vec<_> = sides
            .into_iter()
            .filter(|(_, now, before)| more(*now, *before) > MORE_PERCENT)
            .map(|(side, now, before)| {
                format!("{side} {:+.1} % ({before:.0} -> {now:.0})", more(now, before))
            })
            .collect();
        let told =
            format!("{} in flight: more instructions a call than were kept: {}", self.cell, worse.join(", "));
        (!worse.is_empty()).then_some(told)
    }
}

/// The file beside `Cargo.toml`.
pub(crate) fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt"))
}

/// All rows of the file.
#[derive(Debug, PartialEq)]
pub(crate) struct Kept(Vec<Row>);

impl Kept {
    /// None if there is no file yet.
    pub(crate) fn read() -> Result<Self, Failure> {
        match std::fs::read_to_string(path()) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self(Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let row = |line: &str| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [cell, client, server] = words[..] else {
                return Err(Failure::from(format!("{}: three words, not {line:?}", path().display())));
            };
            Ok(Row { cell: cell.parse()?, client: client.parse()?, server: server.parse()? })
        };
        Ok(Self(lines.map(row).collect::<Result<_, _>>()?))
    }

    pub(crate) fn row(&self, cell: Cell) -> Option<Row> {
        self.0.iter().find(|row| row.cell == cell).copied()
    }

    /// With these rows in place of those of the same cells.
    pub(crate) fn with(&self, new: &[Row]) -> Self {
        let row = |cell: &Cell| new.iter().find(|row| row.cell == *cell).copied().or(self.row(*cell));
        Self(CELLS.iter().filter_map(row).collect())
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "# Instructions a call; written by `benches/instructions --update`.\n# in flight, client, server\n",
        );
        for Row { cell, client, server } in &self.0 {
            // A String takes whatever is written.
            let _ = writeln!(text, "{cell:14} {client:>7.0} {server:>7.0}");
        }
        text
    }

    pub(crate) fn write(&self) -> Result<(), Failure> {
        Ok(std::fs::write(path(), self.text())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client: f64, server: f64) -> Row {
        Row { cell: CELLS[1], client, server }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kept = Kept(vec![row(100.0, 200.0), Row { cell: CELLS[3], ..row(90.0, 80.0) }]);
        assert_eq!(Kept::parse(&kept.text()).unwrap(), kept);
    }

    #[test]
    fn a_side_that_takes_more_than_five_percent_more_is_named() {
        assert_eq!(row(105.0, 200.0).worse_than(row(100.0, 200.0)), None);
        let told = row(100.0, 212.0).worse_than(row(100.0, 200.0)).unwrap();
        assert!(told.contains("server +6.0 %") && !told.contains("client"), "{told}");
    }

    #[test]
    fn a_run_of_one_cell_keeps_the_other_rows() {
        let kept = Kept(vec![Row { cell: CELLS[0], ..row(1.0, 2.0) }, row(3.0, 4.0)]);
        assert_eq!(kept.with(&[row(5.0, 6.0)]).0, [Row { cell: CELLS[0], ..row(1.0, 2.0) }, row(5.0, 6.0)]);
    }
}
