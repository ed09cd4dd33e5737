//! The limit that Carnegie is compared to: a loop of blocking threads without RPC that pipelines frames of the length that
//! Carnegie's have, with its CRC-32C over each frame, made and checked on both sides, or without; and a plain copy of as many
//! bytes, which shows what the frames cost the loop.
//!
//! One thread a connection on each side. What was received in one go is answered in pieces of 16 frames or 8 KiB at first, each
//! twice as large as the one before, so that the other side works meanwhile: a loop that writes once at the end of each read makes
//! not much more than half as many calls. A payload from [`LARGE`] on is sent from where it lies. The client never waits for room to write without
//! reading.

mod client;
mod copy;
mod inbox;
mod outbox;

use super::{Contender, announce};
use crate::Failure;
use crate::cli::{Call, Serve};
use crate::measured::{Measured, Seen, Watch, join};
use carnegie_bench::host;
use crc_fast::{CrcAlgorithm, Digest};
use inbox::Inbox;
use std::io::Write;
use std::net::{TcpListener, TcpStream};

/// Bytes of a header.
const HEADER: usize = 24;
/// Weight of the frames after which either side writes, for the first time in what it received at once.
const FIRST_PIECE: usize = 16;
/// What is not copied on its way out.
const LARGE: usize = 16 << 10;

/// From this length on the checksum is made by the crate that is faster for long blocks, below by the one for short ones.
const LONG: usize = 1 << 10;

/// 1 for each 512 bytes. Large frames count as little: there are few in what is received at once.
fn weight_of(frame: usize) -> usize {
    if frame < LARGE { frame.div_ceil(512) } else { 1 }
}

/// Bytes in front of a payload, as bincode writes its length.
fn prefix(payload: usize) -> usize {
    match payload {
        0..251 => 1,
        251..65_536 => 3,
        _ => 5,
    }
}

/// Bytes of the frame for a payload.
fn frame_len(payload: usize) -> usize {
    HEADER + prefix(payload) + payload
}

pub(crate) fn serve(serve: &Serve) -> Result<(), Failure> {
    if serve.pinned {
        host::pin(host::Side::Server)?;
    }
    let contender = serve.contender;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?)?;
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        std::thread::spawn(move || match contender {
            Contender::Copy => copy::serve(stream),
            _ => serve_connection(stream, contender == Contender::Framed),
        });
    }
    Ok(())
}

/// Turns requests into replies where they lie, and sends them in pieces, the rest of what was received with the last one.
fn serve_connection(mut stream: TcpStream, checked: bool) -> Result<(), Failure> {
    let mut inbox = Inbox::new(checked);
    loop {
        inbox.fill(&stream)?;
        let (mut whole, mut written, mut weight, mut piece) = (0, 0, 0, FIRST_PIECE);
        while let Some(frame) = inbox.frame(whole)? {
            frame[8] = 7;
            if checked {
                seal(frame, &[]);
            }
            whole += frame.len();
            weight += weight_of(frame.len());
            if weight >= piece {
                stream.write_all(&inbox.bytes()[written..whole])?;
                (written, weight, piece) = (whole, 0, piece * 2);
            }
        }
        if written < whole {
            stream.write_all(&inbox.bytes()[written..whole])?;
        }
        inbox.consume(whole);
    }
}

/// The checksum over all of a frame but itself; `rest` is what lies elsewhere of it.
fn checksum(frame: &[u8], rest: &[u8]) -> u32 {
    if frame.len() + rest.len() >= LONG {
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        for part in [&frame[..4], &frame[8..], rest] {
            digest.update(part);
        }
        return digest.finalize() as u32;
    }
    let head = crc32c::crc32c(&frame[..4]);
    crc32c::crc32c_append(crc32c::crc32c_append(head, &frame[8..]), rest)
}

fn seal(frame: &mut [u8], rest: &[u8]) {
    let sum = checksum(frame, rest);
    frame[4..8].copy_from_slice(&sum.to_le_bytes());
}

/// One thread a connection, each with its part of the calls in flight.
pub(crate) fn call(call: &Call) -> Result<Measured, Failure> {
    if call.cell.pinned {
        host::pin(host::Side::Client)?;
    }
    let watch = Watch::start(call)?;
    let depth = call.cell.depth / call.cell.connections;
    let mut threads = Vec::new();
    for connection in 0..call.cell.connections {
        let stream = TcpStream::connect(call.server)?;
        stream.set_nodelay(true)?;
        let (watch, cell, contender) = (watch.clone(), call.cell, call.contender);
        threads.push(std::thread::spawn(move || match contender {
            Contender::Copy => copy::call(&stream, cell, &watch),
            _ => client::run(&stream, cell, connection * depth, contender == Contender::Framed, &watch),
        }));
    }
    let mut seen = Seen::new();
    for thread in threads {
        seen.add(join(thread)?);
    }
    Ok(seen.measured(&watch.times()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_was_changed_fails_its_checksum() {
        let mut frame = vec![3; 60];
        seal(&mut frame, &[1, 2]);
        let sum = u32::from_le_bytes(frame[4..8].try_into().unwrap());
        assert_eq!(checksum(&frame, &[1, 2]), sum);
        assert_ne!(checksum(&frame, &[1, 3]), sum);
        frame[0] = 4;
        assert_ne!(checksum(&frame, &[1, 2]), sum);
    }

    #[test]
    fn frames_are_as_long_as_carnegies() {
        assert_eq!([32, 4096, 65_536].map(frame_len), [57, 4123, 65_565]);
    }
}
