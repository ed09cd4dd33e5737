//! What was done to connections, counted by kind.

use std::fmt;
use std::ops::AddAssign;

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes arrive late: [`Line::delay`](crate::Line::delay), [`Line::jitter`](crate::Line::jitter).
    Delay,
    /// Bytes arrive slowly: [`Line::bandwidth`](crate::Line::bandwidth).
    Bandwidth,
    /// Both ends see the stream end, wherever in a frame that is: [`Line::cut`](crate::Line::cut).
    Cut,
    /// Both ends see a reset: [`Line::reset`](crate::Line::reset).
    Reset,
    /// One end sees the stream end, and may go on sending: [`Line::half_close`](crate::Line::half_close).
    HalfClose,
    /// Nothing passes, and nobody is told: [`Line::black_hole`](crate::Line::black_hole).
    BlackHole,
    /// One bit is not what was sent: [`Line::corrupt`](crate::Line::corrupt).
    Corruption,
    /// What a connection has sent arrives after what a later one has: [`Line::hold`](crate::Line::hold).
    Reorder,
    /// What a connection has sent arrives on another one, once more: [`Proxy::replay`](crate::Proxy::replay).
    Replay,
    /// A connection is reset as soon as it is made: [`Proxy::refuse`](crate::Proxy::refuse).
    Refusal,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Fault; 10] = [
        Fault::Delay,
        Fault::Bandwidth,
        Fault::Cut,
        Fault::Reset,
        Fault::HalfClose,
        Fault::BlackHole,
        Fault::Corruption,
        Fault::Reorder,
        Fault::Replay,
        Fault::Refusal,
    ];

    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Delay => "delayed",
            Fault::Bandwidth => "slowed down",
            Fault::Cut => "cut",
            Fault::Reset => "reset",
            Fault::HalfClose => "half-closed",
            Fault::BlackHole => "black-holed",
            Fault::Corruption => "corrupted",
            Fault::Reorder => "reordered",
            Fault::Replay => "replayed",
            Fault::Refusal => "refused",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often each fault has come over a connection, and how many connections there were.
///
/// ```
/// # use rpc_testing::{Counts, Fault};
/// let counts = Counts::default();
/// assert_eq!((counts.of(Fault::Cut), counts.faults()), (0, 0));
/// assert_eq!(counts.to_string(), "0 connections, no faults");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub(crate) connections: u64,
    pub(crate) faults: [u64; Fault::ALL.len()],
}

impl Counts {
    /// Connections that were made over the line, those that were refused included.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// How often this fault has come over a connection. A fault of both directions counts once; one that waits for its byte
    /// ([`Line::cut_after`](crate::Line::cut_after), [`Line::corrupt`](crate::Line::corrupt)) counts when that has passed.
    pub fn of(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// All faults together.
    pub fn faults(&self) -> u64 {
        self.faults.iter().sum()
    }
}

impl AddAssign for Counts {
    /// What several lines did together.
    fn add_assign(&mut self, other: Counts) {
        self.connections += other.connections;
        self.faults.iter_mut().zip(other.faults).for_each(|(sum, count)| *sum += count);
    }
}

impl fmt::Display for Counts {
    /// `147 connections, 49 cut, 3 corrupted`: the kinds that there were.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections", self.connections)?;
        for fault in Fault::ALL {
            if self.of(fault) > 0 {
                write!(f, ", {} {fault}", self.of(fault))?;
            }
        }
        if self.faults() == 0 { f.write_str(", no faults") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_stands_at_its_index() {
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, index);
        }
    }

    #[test]
    fn counts_add_up_and_say_what_there_was() {
        let mut sum = Counts { connections: 1, ..Counts::default() };
        let mut other = sum;
        other.faults[Fault::Cut as usize] = 2;
        sum += other;
        sum += other;
        assert_eq!((sum.connections(), sum.of(Fault::Cut), sum.faults()), (3, 4, 4));
        assert_eq!(sum.to_string(), "3 connections, 4 cut");
    }
}
