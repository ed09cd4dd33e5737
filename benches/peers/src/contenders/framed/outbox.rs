//! Frames on their way out: small ones side by side, the payloads of large ones where they lie.

use super::{HEADER, LARGE, frame_len, prefix, seal};
use crate::Failure;
use bytes::Bytes;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, sendmsg};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd};

/// Pieces that one call of the system takes.
const PIECES: usize = 16;

enum Piece {
    Small(Vec<u8>),
    Large(Bytes),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Small(bytes) => bytes,
            Piece::Large(bytes) => bytes,
        }
    }
}

#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that are on their way.
    sent: usize,
    spare: Vec<u8>,
}

impl Outbox {
    /// Appends a request.
    pub(super) fn push(&mut self, id: u64, payload: &Bytes, checked: bool) {
        if !matches!(self.pieces.back(), Some(Piece::Small(_))) {
            self.pieces.push_back(Piece::Small(std::mem::take(&mut self.spare)));
        }
        let Some(Piece::Small(out)) = self.pieces.back_mut() else { return };
        let start = out.len();
        out.extend_from_slice(&(frame_len(payload.len()) as u32).to_le_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&[0; 5][..prefix(payload.len())]);
        debug_assert_eq!(out.len() - start, HEADER + prefix(payload.len()));
        let large = payload.len() >= LARGE;
        if !large {
            out.extend_from_slice(payload);
        }
        if checked {
            seal(&mut out[start..], if large { payload } else { &[] });
        }
        if large {
            self.pieces.push_back(Piece::Large(payload.clone()));
        }
    }

    /// Sends what there is room for. True if that was all.
    pub(super) fn send(&mut self, stream: &TcpStream) -> Result<bool, Failure> {
        while !self.pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(piece.bytes());
            }
            slices[0].advance(self.sent);
            let count = self.pieces.len().min(PIECES);
            match sendmsg::<()>(stream.as_raw_fd(), &slices[..count], &[], MsgFlags::MSG_DONTWAIT, None) {
                Ok(bytes) => self.have_sent(bytes),
                Err(Errno::EAGAIN) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn have_sent(&mut self, bytes: usize) {
        self.sent += bytes;
        while let Some(first) = self.pieces.front() {
            let length = first.bytes().len();
            if self.sent < length {
                break;
            }
            self.sent -= length;
            if let Some(Piece::Small(mut bytes)) = self.pieces.pop_front() {
                bytes.clear();
                self.spare = bytes;
            }
        }
    }
}

/// Waits until there is something to read or room to write. True if there is something to read.
pub(super) fn readable_or_writable(stream: &TcpStream) -> Result<bool, Failure> {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)];
    poll(&mut fds, PollTimeout::NONE)?;
    Ok(fds[0].revents().is_some_and(|events| events.intersects(PollFlags::POLLIN | PollFlags::POLLHUP)))
}
