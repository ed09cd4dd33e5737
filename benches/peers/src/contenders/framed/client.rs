//! The client of the framed loop.

use super::inbox::Inbox;
use super::outbox::{Outbox, readable_or_writable};
use super::{FIRST_PIECE, HEADER, prefix, weight_of};
use crate::Failure;
use crate::cells::Cell;
use crate::measured::{Seen, Watch, timed};
use crate::payload::Source;
use std::net::TcpStream;
use std::time::Instant;

/// One call in flight.
struct Lane {
    source: Source,
    task: u64,
    number: u64,
    begun: Option<Instant>,
    counts: bool,
}

/// Keeps one connection's part of the calls in flight until the window is over; `first` is the number of its first lane.
pub(super) fn run(
    stream: &TcpStream,
    cell: &Cell,
    first: usize,
    checked: bool,
    watch: &Watch,
) -> Result<Seen, Failure> {
    let (mut inbox, mut outbox, mut seen) = (Inbox::new(checked), Outbox::default(), Seen::new());
    let mut lanes: Vec<Lane> = (0..cell.depth / cell.connections)
        .map(|lane| {
            let task = (first + lane) as u64;
            Lane { source: Source::new(cell.work, task), task, number: 0, begun: None, counts: false }
        })
        .collect();
    for (id, lane) in lanes.iter_mut().enumerate() {
        next(lane, id, cell, &mut outbox, checked);
    }
    loop {
        if !outbox.send(stream)? && !readable_or_writable(stream)? {
            continue;
        }
        inbox.fill(stream)?;
        let (mut whole, mut weight, mut piece) = (0, 0, FIRST_PIECE);
        while let Some(frame) = inbox.frame(whole)? {
            let id = u64::from_le_bytes(frame[16..HEADER].try_into()?) as usize;
            let lane = lanes.get_mut(id).ok_or("a reply to no call")?;
            let sent = lane.source.expected().len();
            lane.source.check(frame.get(HEADER + prefix(sent)..).unwrap_or_default())?;
            whole += frame.len();
            weight += weight_of(frame.len());
            if !seen.one(watch, lane.begun, lane.counts) {
                return Ok(seen);
            }
            next(lane, id, cell, &mut outbox, checked);
            if weight >= piece {
                outbox.send(stream)?;
                (weight, piece) = (0, piece * 2);
            }
        }
        inbox.consume(whole);
    }
}

fn next(lane: &mut Lane, id: usize, cell: &Cell, outbox: &mut Outbox, checked: bool) {
    lane.number += 1;
    lane.counts = lane.source.next().1;
    lane.begun = timed(cell, lane.task, lane.number).then(Instant::now);
    outbox.push(id as u64, lane.source.expected(), checked);
}
