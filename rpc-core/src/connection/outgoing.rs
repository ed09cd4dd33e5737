//! What waits to be written on one connection: small frames back to back, large messages in turns of one chunk.

use super::ConnectionTime;
use crate::frame::{self, Checksum, Flags, Kind};
use crate::ids::SlotId;
use crate::limits::{CHUNK_LEN, LARGE_AT_ONCE, TRANSMIT_LEN};
use crate::service::Payload;
use crate::time::Instant;
use std::collections::VecDeque;

/// A message of more than one chunk.
struct Large {
    id: SlotId,
    /// All of the first frame that stands before the payload.
    head: Vec<u8>,
    /// Of a request: put into the head when that is written, for a ping may set connection time anew until then.
    deadline: Option<Instant>,
    payload: Payload,
    written: usize,
}

impl Large {
    /// Appends the next part; `true` when it was the last.
    fn write_next(&mut self, out: &mut Vec<u8>, checksum: Checksum, time: ConnectionTime) -> bool {
        let payload = self.payload.as_slice();
        let part = &payload[self.written..payload.len().min(self.written + CHUNK_LEN)];
        let mut start = out.len();
        if self.written == 0 {
            if let Some(deadline) = self.deadline {
                frame::set_deadline(&mut self.head, time.to_wire(deadline));
            }
            out.append(&mut self.head);
        } else {
            start = frame::begin(out, Kind::Chunk, Flags::NONE, 0, 0, self.id);
        }
        out.extend_from_slice(part);
        frame::seal(out, start, checksum);
        self.written += part.len();
        self.written == payload.len()
    }

    fn left(&self) -> usize {
        self.payload.as_slice().len() - self.written
    }
}

/// The outgoing side of one connection.
pub(crate) struct Outgoing {
    ready: Vec<u8>,
    large: VecDeque<Large>,
    /// Bytes of large messages that were not framed yet.
    large_len: usize,
    /// Bytes that were handed to the driver, which counts as written: from then on the peer may have them.
    taken: u64,
    checksum: Checksum,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Self { ready: Vec::new(), large: VecDeque::new(), large_len: 0, taken: 0, checksum: Checksum::Whole }
    }

    pub(crate) fn set_checksum(&mut self, checksum: Checksum) {
        self.checksum = checksum;
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Room for a small frame. It goes out before whatever is left of the large messages.
    #[inline]
    pub(crate) fn ready(&mut self) -> &mut Vec<u8> {
        &mut self.ready
    }

    /// The position in the connection's stream where the next small frame starts.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.taken + self.ready.len() as u64
    }

    /// Queues a message of more than one chunk. `head` is all of its first frame that stands before the payload;
    /// `deadline` is that of a request.
    pub(crate) fn push_large(
        &mut self,
        id: SlotId,
        head: Vec<u8>,
        deadline: Option<Instant>,
        payload: Payload,
    ) {
        // One copy of a message at a time: the parts of two would mix, each of them sound.
        self.remove_large(id);
        let large = Large { id, head, deadline, payload, written: 0 };
        self.large_len += large.left();
        self.large.push_back(large);
    }

    /// Forgets what was not framed yet of a large message; whether nothing at all of it had been written.
    pub(crate) fn remove_large(&mut self, id: SlotId) -> bool {
        let Some(large) =
            self.large.iter().position(|large| large.id == id).and_then(|at| self.large.remove(at))
        else {
            return false;
        };
        self.large_len -= large.left();
        large.written == 0
    }

    /// Nothing more is written but one last frame.
    pub(crate) fn end_with(&mut self, last: impl FnOnce(&mut Vec<u8>)) {
        (self.large, self.large_len) = (VecDeque::new(), 0);
        last(&mut self.ready);
    }

    /// Whether this large message waits and nothing of it was written yet.
    pub(crate) fn is_untouched(&self, id: SlotId) -> bool {
        self.large.iter().any(|large| large.id == id && large.written == 0)
    }

    /// Whether the byte at this position of the stream was handed out.
    #[inline]
    pub(crate) fn has_taken(&self, position: u64) -> bool {
        position < self.taken
    }

    /// A large message is on its way.
    #[inline]
    pub(crate) fn has_large(&self) -> bool {
        !self.large.is_empty()
    }

    /// Bytes that wait.
    #[inline]
    pub(crate) fn backlog(&self) -> usize {
        self.ready.len() + self.large_len
    }

    /// Hands out what is to be written now: everything small, then large messages in turns, up to about
    /// [`TRANSMIT_LEN`] bytes, so that small frames which are queued meanwhile do not wait for the end of the large ones.
    pub(crate) fn transmit(&mut self, into: &mut Vec<u8>, time: ConnectionTime) -> bool {
        if self.backlog() == 0 {
            return false;
        }
        let before = into.len();
        if into.is_empty() {
            std::mem::swap(into, &mut self.ready);
        } else {
            into.append(&mut self.ready);
        }
        while into.len() - before < TRANSMIT_LEN {
            let Some(mut large) = self.large.pop_front() else { break };
            let left = large.left();
            let last = large.write_next(into, self.checksum, time);
            self.large_len -= left - large.left();
            if !last {
                // Behind the others whose turn it is, before those that wait for theirs.
                let at = self.large.len().min(LARGE_AT_ONCE - 1);
                self.large.insert(at, large);
            }
        }
        self.taken += (into.len() - before) as u64;
        true
    }
}
