//! The network: pipes between hosts that take their time, and those who listen in.

mod listening;
mod pipe;
mod wire;

pub(crate) use listening::described;
pub(crate) use pipe::{Ending, Piece, Pipe};
pub(crate) use wire::{ServerEnd, Way, Wire, WireId, peer};

use crate::coverage::Fault;
use crate::decisions::For;
use crate::queue::Event;
use crate::trace::{Host, tell};
use crate::world::World;
use std::time::Duration;

impl World {
    /// How long a piece is under way.
    pub(crate) fn latency(&mut self, length: usize) -> Duration {
        let jitter = self.plan.network.jitter.as_micros() as u64;
        let more = if jitter > 0 { self.decisions.below(For::Network, jitter) } else { 0 };
        self.plan.network.latency + Duration::from_micros(more) + Duration::from_nanos(8 * length as u64)
    }

    /// Bytes that an engine has handed out.
    pub(crate) fn write(&mut self, id: WireId, way: Way, bytes: Vec<u8>) {
        self.trace.event(self.now, 3 + way as u64, u64::from(id.0));
        self.trace.bytes(&bytes);
        self.listen(id, way, &bytes);
        let mut rest = bytes;
        while rest.len() > 1 && self.decisions.chance(For::Network, self.plan.network.pieces) {
            let at = 1 + self.decisions.below(For::Network, rest.len() as u64 - 1) as usize;
            let behind = rest.split_off(at);
            self.push(id, way, Piece::Bytes(rest));
            rest = behind;
        }
        self.push(id, way, Piece::Bytes(rest));
    }

    /// The writer's end is closed, or broken.
    pub(crate) fn write_end(&mut self, id: WireId, way: Way, ending: Ending) {
        self.push(id, way, Piece::End(ending));
    }

    fn push(&mut self, id: WireId, way: Way, mut piece: Piece) {
        let length = if let Piece::Bytes(bytes) = &piece { bytes.len() } else { 0 };
        let latency = self.latency(length);
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let apart = self.partitions.get(&(wire.client, wire.server)).map(|until| until[way as usize]);
        if let Some(until) = apart.filter(|until| *until > self.now) {
            wire.pipe(way).stall(until);
            self.coverage.hit(Fault::Partition);
        }
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let pipe = wire.pipe(way);
        if let Piece::Bytes(bytes) = &mut piece
            && std::mem::take(&mut pipe.corrupts)
        {
            let at = self.decisions.below(For::Faults, bytes.len() as u64) as usize;
            let bit = self.decisions.below(For::Faults, 8);
            bytes[at] ^= 1 << bit;
            wire.corrupted = true;
            self.coverage.hit(Fault::Corruption);
            tell!(self, Host::World, "{id}: a bit of byte {at} is changed");
        }
        let Some(wire) = self.wires.get_mut(&id) else { return };
        if let Some(when) = wire.pipe(way).push(self.now + latency, piece) {
            self.queue.push(when, Event::Arrival(id, way));
        }
    }

    /// Something may have arrived: all of it is read in one go.
    pub(crate) fn arrive(&mut self, id: WireId, way: Way) {
        let now = self.now;
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let pipe = wire.pipe(way);
        let full = !pipe.is_writable();
        let (mut bytes, mut ending) = (Vec::new(), None);
        while let Some(piece) = pipe.take(now) {
            match piece {
                Piece::Bytes(piece) if bytes.is_empty() => bytes = piece,
                Piece::Bytes(piece) => bytes.extend(piece),
                Piece::End(end) => ending = Some(end),
            }
        }
        let taken = full && !bytes.is_empty();
        let arrived = bytes.len();
        match way {
            Way::Up => {
                self.bounce(id, way, arrived);
                self.server_reads(id, &bytes);
            }
            Way::Down => {
                self.bounce(id, way, arrived);
                self.client_reads(id, bytes);
            }
        }
        match (way, taken) {
            (Way::Up, true) => self.client_may_write(id),
            (Way::Down, true) => self.server_may_write(id),
            _ => {}
        }
        match (way, ending) {
            (_, None) => {}
            (Way::Up, Some(end)) => {
                self.server_loses(id, told(end));
                self.write_end(id, Way::Down, Ending::Closed);
            }
            (Way::Down, Some(end)) => {
                self.client_loses(id, told(end));
                self.write_end(id, Way::Up, Ending::Closed);
            }
        }
        self.tidy(id);
    }

    /// A closed end answers bytes with a reset, unless a wall between swallows it.
    fn bounce(&mut self, id: WireId, way: Way, arrived: usize) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (closed, back) = match way {
            Way::Up => (!wire.server_open() && wire.client_open, Way::Down),
            Way::Down => (!wire.client_open && wire.server_open(), Way::Up),
        };
        if closed && arrived > 0 && self.decisions.chance(For::Network, self.plan.network.resets) {
            self.write_end(id, back, Ending::Reset);
        }
    }

    /// An end notices that its connection is broken.
    pub(crate) fn noticed(&mut self, id: WireId, way: Way) {
        match way {
            Way::Up => self.server_loses(id, told(Ending::Reset)),
            Way::Down => self.client_loses(id, told(Ending::Reset)),
        }
    }

    /// Forgets a connection on which nothing can happen any more.
    pub(crate) fn tidy(&mut self, id: WireId) {
        if self.wires.get(&id).is_some_and(Wire::is_over) {
            self.wires.remove(&id);
        }
    }
}

fn told(ending: Ending) -> &'static str {
    match ending {
        Ending::Closed => "closed by the peer",
        Ending::Reset => "connection reset by peer",
    }
}
