//! The only source of chance: numbers drawn from one seed, recorded when asked for, or taken from a record.
//!
//! Each purpose draws from a stream of its own, so that a change in one part of the simulator leaves what the others draw
//! as it was. A zero is always the harmless choice: no fault, the shortest time, the first of a list. A record that has
//! run out therefore goes on without faults, and shrinking a record means to put zeros into it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt::Write;

/// What a number is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// What the run is like as a whole.
    Plan,
    /// Which calls are made, and when.
    Load,
    /// Latencies, and how bytes are cut into pieces.
    Network,
    /// What goes wrong, and when.
    Faults,
    /// What handlers do, and how long that takes.
    Handlers,
    /// Which calls do not wait for a connection.
    Hurry,
    /// Which payloads have a block at their end that is not copied.
    Blocks,
}

const STREAMS: usize = 7;
const NAMES: [&str; STREAMS] = ["plan", "load", "network", "faults", "handlers", "hurry", "blocks"];

/// All numbers of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    streams: [Vec<u64>; STREAMS],
}

enum Source {
    Random(Box<ChaCha8Rng>),
    Replayed { numbers: Vec<u64>, next: usize },
}

/// Where a run takes its decisions from.
pub struct Decisions {
    sources: [Source; STREAMS],
    record: Option<Record>,
}

impl Decisions {
    /// Everything follows from `seed`. ChaCha8, whose stream never changes.
    pub fn from_seed(seed: u64) -> Self {
        let source = |stream: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            let mut random = ChaCha8Rng::from_seed(key);
            random.set_stream(stream as u64);
            Source::Random(Box::new(random))
        };
        Self { sources: std::array::from_fn(source), record: None }
    }

    /// Everything as it was decided before; what goes beyond the record is decided by zeros.
    pub fn replay(record: Record) -> Self {
        let sources = record.streams.map(|numbers| Source::Replayed { numbers, next: 0 });
        Self { sources, record: None }
    }

    /// From now on everything that is drawn is kept, for [`Decisions::into_record`].
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.record = Some(Record::default());
        self
    }

    /// What was drawn, if that was to be kept.
    pub fn into_record(self) -> Option<Record> {
        self.record
    }

    /// A number below `limit`, which is at least one.
    pub(crate) fn below(&mut self, purpose: For, limit: u64) -> u64 {
        let drawn = match &mut self.sources[purpose as usize] {
            // The upper half of the product is even enough for any limit that stands in this crate.
            Source::Random(random) => ((u128::from(random.next_u64()) * u128::from(limit)) >> 64) as u64,
            Source::Replayed { numbers, next } => {
                *next += 1;
                numbers.get(*next - 1).map_or(0, |number| (*number).min(limit - 1))
            }
        };
        if let Some(record) = &mut self.record {
            record.streams[purpose as usize].push(drawn);
        }
        drawn
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, purpose: For, least: u64, most: u64) -> u64 {
        least + self.below(purpose, most.saturating_sub(least) + 1)
    }

    /// Happens so many times in a million.
    pub(crate) fn chance(&mut self, purpose: For, per_million: u64) -> bool {
        self.below(purpose, 1_000_000) >= 1_000_000 - per_million.min(1_000_000)
    }

    /// One of `all`, which is not empty.
    pub(crate) fn pick<T: Copy>(&mut self, purpose: For, all: &[T]) -> T {
        all[self.below(purpose, all.len() as u64) as usize]
    }
}

impl Record {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.streams.iter().map(Vec::len).sum()
    }

    /// Whether nothing was drawn.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The streams, for shrinking.
    pub fn streams_mut(&mut self) -> &mut [Vec<u64>] {
        &mut self.streams
    }

    /// Zeros at the end say nothing.
    pub fn trim(&mut self) {
        for stream in &mut self.streams {
            let length = stream.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
            stream.truncate(length);
        }
    }

    /// As text: a line a stream, with its name in front; `0*7` stands for seven zeros.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, numbers) in NAMES.iter().zip(&self.streams) {
            text.push_str(name);
            let mut at = 0;
            while at < numbers.len() {
                let zeros = numbers[at..].iter().take_while(|number| **number == 0).count();
                // A string takes every write.
                let _ = match zeros {
                    0 => write!(text, " {}", numbers[at]),
                    1 => write!(text, " 0"),
                    _ => write!(text, " 0*{zeros}"),
                };
                at += zeros.max(1);
            }
            text.push('\n');
        }
        text
    }

    /// Reads what [`Record::to_text`] has written. Lines that start with `#` say something to people.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let mut record = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default();
            let stream = NAMES.iter().position(|known| *known == name);
            let stream = stream.ok_or_else(|| format!("there is no stream {name:?}"))?;
            for word in words {
                let (number, times) = word.split_once('*').unwrap_or((word, "1"));
                let number: u64 = number.parse().map_err(|_| format!("{word:?} is no number"))?;
                let times: usize = times.parse().map_err(|_| format!("{word:?} is no number"))?;
                record.streams[stream].extend(std::iter::repeat_n(number, times));
            }
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(decisions: &mut Decisions) -> Vec<u64> {
        let mut drawn = Vec::new();
        for n in 0..40 {
            drawn.push(decisions.below(For::Plan, 1 + n));
            drawn.push(decisions.between(For::Faults, n, 2 * n));
            drawn.push(u64::from(decisions.chance(For::Network, 500_000)));
        }
        drawn
    }

    #[test]
    fn a_seed_decides_the_same_every_time() {
        let first = draw(&mut Decisions::from_seed(7));
        assert_eq!(first, draw(&mut Decisions::from_seed(7)));
        assert_ne!(first, draw(&mut Decisions::from_seed(8)));
    }

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut decisions = Decisions::from_seed(1);
        let drawn: Vec<u64> = (0..4).map(|_| decisions.below(For::Load, 1000)).collect();
        assert_eq!(
            drawn,
            [103, 817, 638, 327],
            "a recorded case or a seed in a report would mean something else"
        );
    }

    #[test]
    fn a_record_is_replayed_and_survives_as_text() {
        let mut decisions = Decisions::from_seed(7).recorded();
        let first = draw(&mut decisions);
        let record = decisions.into_record().expect("it was asked for");
        let read = Record::from_text(&record.to_text()).expect("it was written here");
        assert_eq!(read, record);
        assert_eq!(draw(&mut Decisions::replay(read)), first);
    }

    #[test]
    fn beyond_a_record_nothing_happens() {
        let mut decisions = Decisions::replay(Record::default());
        assert!(!decisions.chance(For::Faults, 999_999));
        assert_eq!(decisions.between(For::Load, 3, 9), 3);
    }
}
