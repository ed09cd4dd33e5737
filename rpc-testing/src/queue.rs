//! Bytes on their way: read from one end, not yet written to the other.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// So many bytes are on their way in one direction of a connection at most. Then nothing is read, and the sender has to wait.
pub(crate) const ON_THE_WAY_MAX: usize = 256 << 10;

/// Bytes that come so close to one another travel as one chunk, so that a sender of single bytes costs no more than another.
const TOGETHER: Duration = Duration::from_millis(1);

struct Chunk {
    bytes: Vec<u8>,
    gone: usize,
    came: Instant,
    /// Which part of the jitter it gets, from 0 to 1.
    luck: f64,
}

#[derive(Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    len: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn room(&self) -> usize {
        ON_THE_WAY_MAX.saturating_sub(self.len)
    }

    pub(crate) fn push(&mut self, bytes: &[u8], came: Instant, luck: f64) {
        self.len += bytes.len();
        match self.chunks.back_mut() {
            Some(last) if came.duration_since(last.came) < TOGETHER => last.bytes.extend_from_slice(bytes),
            _ => self.chunks.push_back(Chunk { bytes: bytes.to_vec(), gone: 0, came, luck }),
        }
    }

    /// When the first bytes came, and their luck.
    pub(crate) fn first(&self) -> Option<(Instant, f64)> {
        self.chunks.front().map(|chunk| (chunk.came, chunk.luck))
    }

    /// Those that came together with the first one.
    pub(crate) fn front(&self) -> &[u8] {
        self.chunks.front().map_or(&[], |chunk| &chunk.bytes[chunk.gone..])
    }

    /// Flips a bit of one of [`Queue::front`].
    pub(crate) fn flip(&mut self, index: usize) {
        if let Some(chunk) = self.chunks.front_mut()
            && let Some(byte) = chunk.bytes.get_mut(chunk.gone + index)
        {
            *byte ^= 0x10;
        }
    }

    /// So many of [`Queue::front`] have been written.
    pub(crate) fn pop(&mut self, count: usize) {
        let Some(chunk) = self.chunks.front_mut() else { return };
        let count = count.min(chunk.bytes.len() - chunk.gone);
        chunk.gone += count;
        self.len -= count;
        if chunk.gone == chunk.bytes.len() {
            self.chunks.pop_front();
        }
    }

    /// All of it, in its order.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.chunks.into_iter().flat_map(|mut chunk| chunk.bytes.split_off(chunk.gone)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_leave_in_their_order_however_they_came() {
        let mut queue = Queue::default();
        queue.push(b"ab", Instant::now(), 0.0);
        queue.push(b"c", Instant::now(), 0.0);
        tokio::time::advance(TOGETHER).await;
        queue.push(b"de", Instant::now(), 0.0);
        assert_eq!((queue.len(), queue.room(), queue.front()), (5, ON_THE_WAY_MAX - 5, &b"abc"[..]));
        queue.pop(2);
        assert_eq!(queue.front(), b"c");
        queue.pop(1);
        queue.flip(1);
        assert_eq!((queue.len(), queue.into_bytes()), (2, vec![b'd', b'e' ^ 0x10]));
    }

    #[tokio::test(start_paused = true)]
    async fn single_bytes_that_come_together_are_one_chunk() {
        let mut queue = Queue::default();
        for _ in 0..10_000 {
            queue.push(b"a", Instant::now(), 0.0);
        }
        assert_eq!((queue.len(), queue.chunks.len()), (10_000, 1));
    }
}
