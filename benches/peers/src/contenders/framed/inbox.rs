//! What was received and not yet dealt with.

use super::{HEADER, LARGE, checksum};
use crate::Failure;
use std::io::Read;
use std::net::TcpStream;

/// Received at a time, unless one frame is longer.
const AT_ONCE: usize = 512 << 10;
/// So much is moved to the front of the buffer at once; more stays where it lies as long as there is room behind it.
const MOVED: usize = 2 << 10;

pub(super) struct Inbox {
    buffer: Vec<u8>,
    /// What was received and not dealt with lies from here to `filled`.
    start: usize,
    filled: usize,
    /// Length of the last frame, for the guess how long the next will be.
    last: usize,
    checked: bool,
}

impl Inbox {
    pub(super) fn new(checked: bool) -> Inbox {
        Inbox { buffer: vec![0; AT_ONCE], start: 0, filled: 0, last: 0, checked }
    }

    /// Receives once; an error at the end of the stream.
    pub(super) fn fill(&mut self, mut stream: &TcpStream) -> Result<(), Failure> {
        let until = self.make_room();
        match stream.read(&mut self.buffer[self.filled..until])? {
            0 => Err("the other side closed the connection".into()),
            more => {
                self.filled += more;
                Ok(())
            }
        }
    }

    /// Where the buffer is to be filled to. Of large frames that is where one ends: the next one need not be moved to the front.
    fn make_room(&mut self) -> usize {
        let next = self.length_at(0).unwrap_or(self.last);
        let until = if next >= LARGE { next * (AT_ONCE / next).max(1) } else { AT_ONCE };
        if self.buffer.len() < until {
            self.buffer.resize(until, 0);
        }
        let left = self.filled - self.start;
        if left <= MOVED || self.start + next > until || self.filled >= until {
            self.buffer.copy_within(self.start..self.filled, 0);
            (self.start, self.filled) = (0, left);
        }
        until
    }

    fn length_at(&self, offset: usize) -> Option<usize> {
        let length = self.bytes().get(offset..offset + 4)?;
        Some(u32::from_le_bytes(length.try_into().ok()?) as usize)
    }

    /// The frame at this offset if it has come to its end, its checksum verified.
    pub(super) fn frame(&mut self, offset: usize) -> Result<Option<&mut [u8]>, Failure> {
        let Some(length) = self.length_at(offset) else { return Ok(None) };
        if length < HEADER {
            return Err("a frame is shorter than its header".into());
        }
        self.last = length;
        let Some(frame) = self.buffer[self.start..self.filled].get_mut(offset..offset + length) else {
            return Ok(None);
        };
        if self.checked && frame[4..8] != checksum(frame, &[]).to_le_bytes() {
            return Err("a frame fails its checksum".into());
        }
        Ok(Some(frame))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.filled]
    }

    /// Forgets the first bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }
}
