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

const FRAMEWORKS: &[Contender] = &[Carnegie, Busy, Tarpc, Tonic, Volo, VoloPool];
const SHARED_CONNECTION: &[Contender] = &[Carnegie, Busy, Tarpc, Tonic, Volo];
const PIPELINED: &[Contender] =
    &[Carnegie, Busy, Idempotent, Tarpc, Tonic, Volo, VoloPool, Framed, FramedUnchecked, Copy];
const BULK: &[Contender] = &[Framed, Carnegie, FramedUnchecked, Busy, Copy, Tarpc, Tonic, Volo, VoloPool];
const ONE_BY_ONE: &[Contender] =
    &[Echo, Carnegie, Busy, Idempotent, Tarpc, Tonic, Volo, VoloPool, Blocking, Spinning];

const BASE: Cell = Cell {
    name: "base",
    title: "64 in flight",
    work: Work::Bytes(32),
    connections: 1,
    depth: 64,
    pinned: true,
    load: Load::Closed,
    longer: 1,
    contenders: PIPELINED,
};

const fn depth(name: &'static str, title: &'static str, depth: usize) -> Cell {
    Cell { name, title, depth, ..BASE }
}

const fn work(name: &'static str, title: &'static str, work: Work, depth: usize) -> Cell {
    let contenders = match work {
        Work::Bytes(_) => BULK,
        _ => FRAMEWORKS,
    };
    Cell { name, title, work, depth, contenders, ..BASE }
}

const fn connections(name: &'static str, title: &'static str, connections: usize) -> Cell {
    // A pool has as many connections as there are calls in flight, whatever is asked for.
    Cell { name, title, connections, contenders: &[Carnegie, Busy, Tarpc, Tonic, Volo, Framed], ..BASE }
}

const fn unpinned(name: &'static str, title: &'static str, connections: usize) -> Cell {
    let contenders = &[Carnegie, Busy, Tarpc, Tonic, Volo, VoloPool, Framed];
    Cell { name, title, connections, depth: 64 * connections, pinned: false, contenders, ..BASE }
}

const fn open(name: &'static str, title: &'static str, load: Load, contenders: &'static [Contender]) -> Cell {
    // Few calls need more time for a p99 than for a rate.
    let longer = if matches!(load, Load::Beside(_)) { 3 } else { 1 };
    Cell { name, title, load, longer, contenders, ..BASE }
}

const fn turns(name: &'static str, title: &'static str, pair: Pair) -> Cell {
    Cell { name, title, load: Load::Turns(pair), longer: 4, contenders: &[Carnegie], ..BASE }
}

/// In the order in which they are measured and shown.
pub(crate) static CELLS: &[Cell] = &[
    Cell { contenders: ONE_BY_ONE, ..depth("depth-1", "1 in flight", 1) },
    depth("depth-4", "4 in flight", 4),
    depth("depth-16", "16 in flight", 16),
    BASE,
    depth("depth-512", "512 in flight", 512),
    work("4k", "4 KiB x 16", Work::Bytes(4 << 10), 16),
    work("64k", "64 KiB x 16", Work::Bytes(64 << 10), 16),
    work("1m", "1 MiB x 4", Work::Bytes(1 << 20), 4),
    open("alone", "32 B at 1,000 a second, alone", Load::Beside(0), SHARED_CONNECTION),
    open("beside", "32 B at 1,000 a second, beside 1 MiB x 4", Load::Beside(4), SHARED_CONNECTION),
    work("order", "five fields x 64", Work::Order, 64),
    connections("8-connections", "64 in flight, 8 connections", 8),
    connections("64-connections", "64 in flight, 64 connections", 64),
    unpinned("unpinned-1", "two workers a side, 1 x 64", 1),
    unpinned("unpinned-8", "two workers a side, 8 x 64", 8),
    work("mix", "90 % 32 B, 10 % 256 KiB", Work::Mix, 64),
    work("naps", "1 % of handlers sleep 5 ms", Work::Naps, 64),
    work("burns", "1 % of handlers compute 1 ms", Work::Burns, 64),
    open("open-50", "open loop, 50 % of capacity", Load::Open(0.5), FRAMEWORKS),
    open("open-80", "open loop, 80 % of capacity", Load::Open(0.8), FRAMEWORKS),
    turns("once", "at most once and idempotent in turns", Pair::OnceOrIdempotent),
    turns("deadline", "deadlines of 10 s and of an hour in turns", Pair::SecondsOrHour),
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
