//! The memory of large messages that come in: a thread keeps some of it, for the system takes longer to hand out a megabyte
//! than a socket to fill it.

use bytes::Bytes;
use rpc_core::service::Payload;
use std::cell::{Cell, RefCell};

/// From this length on a message is shared.
const SHARED_MIN: usize = 16 << 10;

/// What a thread keeps, in all.
const KEPT: usize = 4 << 20;

/// Buffers that a thread keeps.
const KEPT_COUNT: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    /// Whether the thread has ever taken a buffer. Those that only drop messages, such as threads for handlers that block,
    /// keep none: nobody would take them out again.
    static TAKES: Cell<bool> = const { Cell::new(false) };
}

/// An empty buffer with room for so many bytes, and for half as many more at most.
pub(crate) fn take(room: usize) -> Vec<u8> {
    TAKES.set(true);
    let fits = |buffer: &Vec<u8>| (room..=room + room / 2).contains(&buffer.capacity());
    let found = SPARE.with_borrow_mut(|spare| spare.iter().rposition(fits).map(|at| spare.remove(at)));
    found.unwrap_or_else(|| Vec::with_capacity(room))
}

/// Keeps a buffer for a message to come, and lets older ones go for it.
fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() > KEPT || !TAKES.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    buffer.clear();
    // A thread that ends has no use for it.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let mut kept = buffer.capacity() + spare.iter().map(Vec::capacity).sum::<usize>();
        let mut gone = 0;
        while kept > KEPT || spare.len() - gone >= KEPT_COUNT {
            kept -= spare[gone].capacity();
            gone += 1;
        }
        spare.drain(..gone);
        spare.push(buffer);
    });
}

/// Shares a large message that came in, so that values of type `Bytes` are parts of it and not copies. Its memory is given
/// back with the last of them.
#[inline]
pub(crate) fn share(payload: &mut Payload) {
    if let Payload::Owned(message) = payload
        && message.len() >= SHARED_MIN
    {
        *payload = Payload::Shared(Bytes::from_owner(Message(std::mem::take(message))));
    }
}

struct Message(Vec<u8>);

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many buffers this thread keeps.
    fn kept() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    fn message(len: usize) -> Payload {
        let mut payload = Payload::Owned(vec![7; len]);
        share(&mut payload);
        payload
    }

    #[test]
    fn the_memory_of_a_large_message_serves_the_next_one_of_its_size() {
        let first = take(SHARED_MIN);
        drop(first);
        drop(message(SHARED_MIN));
        assert_eq!(kept(), 1);
        assert!(take(2 * SHARED_MIN).capacity() >= 2 * SHARED_MIN && kept() == 1);
        assert!(take(SHARED_MIN).is_empty() && kept() == 0);
    }

    #[test]
    fn a_thread_that_takes_no_buffers_keeps_none() {
        drop(message(SHARED_MIN));
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_thread_keeps_no_more_than_it_may() {
        drop(take(1));
        (0..2 * KEPT_COUNT).for_each(|_| drop(message(SHARED_MIN)));
        assert_eq!(kept(), KEPT_COUNT);
        (0..8).for_each(|_| drop(message(1 << 20)));
        assert!(SPARE.with_borrow(|spare| spare.iter().map(Vec::capacity).sum::<usize>()) <= KEPT);
        drop(message(KEPT + 1));
        assert!(kept() > 0);
    }
}
