//! What the framework counted in one process, as a line of text to the one that adds it up.

use carnegie::Stats;
use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

/// Begins the line.
const NAME: &str = "counts";

/// See [`Stats`] for all but the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) retried: u64,
    pub(crate) replayed: u64,
    pub(crate) attached: u64,
    pub(crate) unknown: u64,
    pub(crate) resolved: u64,
    pub(crate) resumed: u64,
    /// Calls that this example has made once more, since the error said that this is safe.
    pub(crate) asked_again: u64,
}

impl From<Stats> for Counts {
    fn from(stats: Stats) -> Counts {
        let Stats { calls, retried, replayed, attached, unknown, resolved, resumed, .. } = stats;
        Counts { calls, retried, replayed, attached, unknown, resolved, resumed, asked_again: 0 }
    }
}

impl Counts {
    fn fields(&mut self) -> [&mut u64; 8] {
        let Counts { calls, retried, replayed, attached, unknown, resolved, resumed, asked_again } = self;
        [calls, retried, replayed, attached, unknown, resolved, resumed, asked_again]
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, mut other: Counts) {
        self.fields().into_iter().zip(other.fields()).for_each(|(sum, count)| *sum += *count);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}")?;
        let mut counts = *self;
        counts.fields().into_iter().try_for_each(|count| write!(f, ",{count}"))
    }
}

impl FromStr for Counts {
    type Err = String;

    fn from_str(line: &str) -> Result<Counts, String> {
        let mut counts = Counts::default();
        let mut words = line.split(',');
        let named = words.next() == Some(NAME);
        for field in counts.fields() {
            let word = words.next().unwrap_or_default();
            *field = word.parse().map_err(|e| format!("`{word}` in `{line}`: {e}"))?;
        }
        if named && words.next().is_none() { Ok(counts) } else { Err(format!("no counts: {line}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_their_line() {
        let mut counts = Counts::default();
        (1..).zip(counts.fields()).for_each(|(n, field)| *field = n);
        assert_eq!(counts.to_string(), "counts,1,2,3,4,5,6,7,8");
        assert_eq!(counts.to_string().parse(), Ok(counts));
    }

    #[test]
    fn counts_add_up() {
        let mut sum = Counts { calls: 1, asked_again: 2, ..Counts::default() };
        sum += Counts { calls: 10, asked_again: 20, ..Counts::default() };
        assert_eq!(sum, Counts { calls: 11, asked_again: 22, ..Counts::default() });
    }

    #[test]
    fn another_line_holds_no_counts() {
        for line in
            ["", "counts", "counts,1,2,3,4,5,6,7", "counts,1,2,3,4,5,6,7,8,9", "answer,1,2,3,4,5,6,7,8"]
        {
            assert!(line.parse::<Counts>().is_err(), "{line}");
        }
    }
}
