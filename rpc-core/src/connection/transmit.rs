//! Where bytes go that are handed out: into one buffer, or beside it where copying them would cost more.

use bytes::Bytes;

/// Takes what is to be written to a connection, in its order.
///
/// A `Vec<u8>` takes all of it by copying. A driver that can write from several places keeps the blocks where they lie.
pub trait Transmit {
    /// Where small frames and the heads of large ones are appended. What was appended before a [block](Transmit::block)
    /// is written before it.
    fn bytes(&mut self) -> &mut Vec<u8>;

    /// Appends a part of a large message.
    fn block(&mut self, block: Bytes);

    /// Bytes that it holds, blocks included.
    fn held(&self) -> usize;
}

impl Transmit for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }

    fn block(&mut self, block: Bytes) {
        self.extend_from_slice(&block);
    }

    fn held(&self) -> usize {
        self.len()
    }
}
