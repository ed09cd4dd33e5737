//! The plain copy: as many bytes in flight as the framed loop has, and nothing that divides them.

use super::frame_len;
use super::outbox::readable_or_writable;
use crate::Failure;
use crate::cells::{Cell, Work};
use crate::measured::{MEASURING, OVER, Seen, Watch};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Instant;

/// Received at a time.
const AT_ONCE: usize = 1 << 20;

pub(super) fn serve(mut stream: TcpStream) -> Result<(), Failure> {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

/// A call is as many bytes as its frame would have.
pub(super) fn call(mut stream: &TcpStream, cell: &Cell, watch: &Watch) -> Result<Seen, Failure> {
    let Work::Bytes(payload) = cell.work else { return Err("a copy has no calls".into()) };
    let frame = frame_len(payload);
    let window: Vec<u8> =
        (0..frame * (cell.depth / cell.connections)).map(|at| (at / 251 + at) as u8).collect();
    let mut buffer = vec![0; AT_ONCE];
    // Bytes that may be sent, and where in the window is sent and received.
    let (mut owed, mut out, mut back) = (window.len(), 0, 0);
    let (mut counted, mut made) = (0, 0);
    loop {
        if owed > 0 {
            let until = window.len().min(out + owed);
            match send(stream.as_raw_fd(), &window[out..until], MsgFlags::MSG_DONTWAIT) {
                Ok(bytes) => {
                    owed -= bytes;
                    out = (out + bytes) % window.len();
                    if owed > 0 {
                        continue;
                    }
                }
                Err(Errno::EAGAIN) if !readable_or_writable(stream)? => continue,
                Err(Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err("the server closed the connection".into());
        }
        let first = length.min(64).min(window.len() - back);
        if buffer[..first] != window[back..back + first] {
            return Err("the copy differs".into());
        }
        back = (back + length) % window.len();
        owed += length;
        made += length;
        match watch.phase() {
            MEASURING => counted += length,
            OVER => break,
            _ => {}
        }
        watch.look(Instant::now());
    }
    Ok(Seen { calls: (counted / frame) as u64, made: (made / frame) as u64, nanos: Vec::new() })
}
