//! What was received and not yet dealt with.

use super::{HEADER, LARGE, checksum};
use crate::Failure;
use std::io::Read;
use std::net::TcpStream;

/// Received at a time, of frames that are not large.
const AT_ONCE: usize = 256 << 10;

pub(super) struct Inbox {
    buffer: Vec<u8>,
    filled: usize,
    /// Length of the last frame, for the guess how long the next will be.
    last: usize,
    checked: bool,
}

impl Inbox {
    pub(super) fn new(checked: bool) -> Inbox {
        Inbox { buffer: vec![0; AT_ONCE], filled: 0, last: 0, checked }
    }

    /// Receives once; an error at the end of the stream.
    pub(super) fn fill(&mut self, mut stream: &TcpStream) -> Result<(), Failure> {
        let expected = self.length_at(0).unwrap_or(self.last);
        let until = if expected >= LARGE { expected } else { AT_ONCE };
        if self.buffer.len() < until {
            self.buffer.resize(until, 0);
        }
        match stream.read(&mut self.buffer[self.filled..until])? {
            0 => Err("the other side closed the connection".into()),
            more => {
                self.filled += more;
                Ok(())
            }
        }
    }

    fn length_at(&self, offset: usize) -> Option<usize> {
        let length = self.buffer[..self.filled].get(offset..offset + 4)?;
        Some(u32::from_le_bytes(length.try_into().ok()?) as usize)
    }

    /// The frame at this offset if it has come to its end, its checksum verified.
    pub(super) fn frame(&mut self, offset: usize) -> Result<Option<&mut [u8]>, Failure> {
        let Some(length) = self.length_at(offset) else { return Ok(None) };
        if length < HEADER {
            return Err("a frame is shorter than its header".into());
        }
        self.last = length;
        let Some(frame) = self.buffer[..self.filled].get_mut(offset..offset + length) else {
            return Ok(None);
        };
        if self.checked && frame[4..8] != checksum(frame, &[]).to_le_bytes() {
            return Err("a frame fails its checksum".into());
        }
        Ok(Some(frame))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Forgets the first bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}
