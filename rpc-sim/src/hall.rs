//! The service that is called: the box office of Carnegie Hall, its table of methods written by hand.

use rpc_core::schema::Describe;
use rpc_core::service::{Argument, Descriptor, Method};

const BYTES: Describe = |types| types.leaf("bytes");
const ORDER: &[Argument] = &[Argument { name: "order", describe: BYTES }];

const fn method(name: &'static str, path: &'static str, idempotent: bool) -> Method {
    Method {
        name,
        path,
        idempotent,
        blocking: false,
        timeout: None,
        since: None,
        arguments: ORDER,
        returns: BYTES,
    }
}

/// Sells the next free seat: a second run would sell a second one.
pub(crate) const SELL: u16 = 0;
/// Counts the seats that are left.
pub(crate) const FREE_SEATS: u16 = 1;
/// Gives back what it gets, and may be large. Idempotent.
pub(crate) const ECHO: u16 = 2;
/// Writes something down, which may be large, and gives it back. At most once.
pub(crate) const RECORD: u16 = 3;
/// Is always refused by the application: a result like any other. At most once.
pub(crate) const REFUND: u16 = 4;

pub(crate) static HALL: Descriptor = Descriptor {
    name: "Hall",
    version: (1, 0),
    methods: &[
        method("sell", "Hall.sell", false),
        method("free_seats", "Hall.free_seats", true),
        method("echo", "Hall.echo", true),
        method("record", "Hall.record", false),
        method("refund", "Hall.refund", false),
    ],
};

pub(crate) fn name(method: u16) -> &'static str {
    HALL.methods.get(usize::from(method)).map_or("?", |method| method.name)
}

/// Every payload starts with the number of the call that it belongs to. What follows tells the call and the place, so that no
/// part of it can be taken for another.
pub(crate) fn tagged(tag: u32, length: usize) -> Vec<u8> {
    let filling = |at: u32| (tag.wrapping_add(at).wrapping_mul(0x9E37_79B1) >> 24) as u8;
    let mut payload: Vec<u8> = (0..length.max(4) as u32).map(filling).collect();
    payload[..4].copy_from_slice(&tag.to_le_bytes());
    payload
}

/// Parts a payload into what stands before a block and the block, which has at least so much of the call's number that the
/// two cannot be mistaken for each other.
pub(crate) fn parted(mut payload: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let block = payload.split_off(payload.len().min(2));
    (payload, block)
}

/// The number of the call that a payload belongs to.
pub(crate) fn tag_of(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|tag| u32::from_le_bytes(*tag))
}

/// A ticket: the call's number, then the seat.
pub(crate) fn ticket(tag: u32, seat: u32, length: usize) -> Vec<u8> {
    let mut payload = tagged(tag, length.max(8));
    payload[4..8].copy_from_slice(&seat.to_le_bytes());
    payload
}

/// The seat of a ticket.
pub(crate) fn seat_of(payload: &[u8]) -> Option<u32> {
    payload.get(4..)?.first_chunk().map(|seat| u32::from_le_bytes(*seat))
}
