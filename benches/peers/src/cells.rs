//! The cells of the matrix: one base cell, and one axis varied at a time.

use crate::contenders::Contender::{self, *};
use std::str::FromStr;

/// What a call carries and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// So many bytes there and back.
    Bytes(usize),
    /// A struct of five fields there and back.
    Order,
    /// Nine calls of 32 bytes, then one of 256 KiB. Latencies are those of the small ones.
    Mix,
    /// Every 100th handler sleeps for 5 ms. Latencies are those of the others.
    Naps,
    /// Every 100th handler uses the CPU for 1 ms. Latencies are those of the others.
    Burns,
}

/// How calls are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    /// One task for each call in flight, awaiting one call after the other.
    Closed,
    /// Calls at their times, at this share of the contender's own rate in the base cell.
    Open(f64),
    /// Calls at their times, 1,000 a second, with so many calls of 1 MiB in flight on the same connection.
    Beside(usize),
    /// Carnegie alone: two kinds of calls in turns over the same connection.
    Turns(Pair),
}

/// Two kinds of calls whose difference is smaller than that of two runs of the same program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// At most once, against the same method marked idempotent.
    OnceOrIdempotent,
    /// A deadline of 10 s, against one of an hour.
    SecondsOrHour,
}

#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) work: Work,
    pub(crate) connections: usize,
    /// Calls in flight over all connections.
    pub(crate) depth: usize,
    /// Server on one CPU, client on the other, one thread each; else two worker threads each, anywhere.
    pub(crate) pinned: bool,
    pub(crate) load: Load,
    /// Windows are so many times longer than elsewhere.
    pub(crate) longer: u32,
    pub(crate) contenders: &'static [Contender],
}

const BASE: Cell = Cell {
    name: "base",
    title: "64 in flight",
    work: Work::Bytes(32),
    connections: 1,
    depth: 64,
    pinned: true,
    load: Load::Closed,
    longer: 1,
    contenders: &[Carnegie, Idempotent, Tarpc, Framed, FramedUnchecked, Copy],
};

const FRAMEWORKS: &[Contender] = &[Carnegie, Tarpc];
const BULK: &[Contender] = &[Carnegie, Tarpc, Framed, FramedUnchecked, Copy];

/// In the order in which they are measured and shown.
pub(crate) static CELLS: &[Cell] = &[
    Cell {
        name: "depth-1",
        title: "1 in flight",
        depth: 1,
        contenders: &[Carnegie, Echo, Idempotent, Tarpc, Blocking, Spinning],
        ..BASE
    },
    Cell { name: "depth-4", title: "4 in flight", depth: 4, ..BASE },
    Cell { name: "depth-16", title: "16 in flight", depth: 16, ..BASE },
    BASE,
    Cell { name: "depth-512", title: "512 in flight", depth: 512, ..BASE },
    Cell { name: "4k", title: "4 KiB x 16", work: Work::Bytes(4 << 10), depth: 16, contenders: BULK, ..BASE },
    Cell {
        name: "64k",
        title: "64 KiB x 16",
        work: Work::Bytes(64 << 10),
        depth: 16,
        contenders: BULK,
        ..BASE
    },
    Cell { name: "1m", title: "1 MiB x 4", work: Work::Bytes(1 << 20), depth: 4, contenders: BULK, ..BASE },
    Cell { name: "order", title: "five fields x 64", work: Work::Order, contenders: FRAMEWORKS, ..BASE },
];

impl FromStr for &'static Cell {
    type Err = String;

    fn from_str(name: &str) -> Result<&'static Cell, String> {
        CELLS.iter().find(|cell| cell.name == name).ok_or_else(|| {
            format!(
                "one of these is wanted: {}",
                CELLS.iter().map(|cell| cell.name).collect::<Vec<_>>().join(", ")
            )
        })
    }
}
