//! What waits to be written to one stream: small frames one behind the other in one buffer, large blocks where they lie, unless the
//! stream can only write from one place at a time.

use bytes::{Buf, Bytes};
use rpc_core::Transmit;
use std::collections::VecDeque;
use std::io::IoSlice;

/// Pieces that are handed to the stream at a time: those of one [`TRANSMIT_LEN`](rpc_core::limits::TRANSMIT_LEN), and some.
pub(crate) const PIECES: usize = 16;

/// Bytes in the order in which they are written.
#[derive(Default)]
pub(crate) struct Segments {
    bytes: Vec<u8>,
    /// How many of `bytes` were written.
    written: usize,
    /// Each with the position in `bytes` that it stands before.
    blocks: VecDeque<(usize, Bytes)>,
    /// Bytes of all blocks that are left.
    blocks_len: usize,
    /// Blocks are copied: the stream takes one piece at a time, and each head would be a write of its own.
    in_one: bool,
}

impl Segments {
    /// With a buffer that is empty. `in_one`: everything is put into it, blocks too.
    pub(crate) fn new(bytes: Vec<u8>, in_one: bool) -> Self {
        Self { bytes, in_one, ..Self::default() }
    }

    /// Takes the buffer out. Everything must have been written.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.bytes.len() && self.blocks.is_empty()
    }

    /// The bytes to be written next, if they lie in one piece.
    pub(crate) fn lone(&self) -> Option<&[u8]> {
        self.blocks.is_empty().then(|| &self.bytes[self.written..])
    }

    /// The pieces to be written next; how many there are.
    pub(crate) fn pieces<'a>(&'a self, into: &mut [IoSlice<'a>; PIECES]) -> usize {
        let mut at = self.written;
        let mut count = 0;
        let ends = self.blocks.iter().map(|(end, block)| (*end, &block[..]));
        for (end, block) in ends.chain([(self.bytes.len(), &[][..])]) {
            for piece in [&self.bytes[at..end], block] {
                if !piece.is_empty() && count < PIECES {
                    into[count] = IoSlice::new(piece);
                    count += 1;
                }
            }
            at = end;
        }
        count
    }

    /// So many bytes were written.
    pub(crate) fn advance(&mut self, mut count: usize) {
        while let Some((end, block)) = self.blocks.front_mut() {
            let before = (*end - self.written).min(count);
            self.written += before;
            count -= before;
            if count < block.len() {
                block.advance(count);
                self.blocks_len -= count;
                return;
            }
            count -= block.len();
            self.blocks_len -= block.len();
            self.blocks.pop_front();
        }
        self.written += count;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        }
    }
}

impl Transmit for Segments {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn block(&mut self, block: Bytes) {
        if self.in_one {
            self.bytes.extend_from_slice(&block);
        } else if !block.is_empty() {
            self.blocks_len += block.len();
            self.blocks.push_back((self.bytes.len(), block));
        }
    }

    fn held(&self) -> usize {
        self.bytes.len() - self.written + self.blocks_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Segments {
        let mut segments = Segments::default();
        segments.bytes().extend_from_slice(b"ab");
        segments.block(Bytes::from_static(b"CDE"));
        segments.block(Bytes::from_static(b"F"));
        segments.bytes().extend_from_slice(b"gh");
        segments.block(Bytes::from_static(b"IJ"));
        segments.bytes().extend_from_slice(b"k");
        segments
    }

    fn shown(segments: &Segments) -> String {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let count = segments.pieces(&mut pieces);
        pieces[..count].iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn whatever_the_stream_takes_at_a_time_the_rest_follows_in_order() {
        for step in 1..=11 {
            let mut segments = filled();
            let mut written = 0;
            while !segments.is_empty() {
                assert_eq!(shown(&segments), "abCDEFghIJk"[written..], "{step} at a time");
                assert_eq!(segments.held(), 11 - written);
                segments.advance(step.min(11 - written));
                written = (written + step).min(11);
            }
            assert_eq!(written, 11);
        }
    }

    #[test]
    fn more_pieces_than_go_at_a_time_are_written_in_several() {
        let mut segments = Segments::default();
        let sent: Vec<u8> = (0..3 * PIECES as u8).collect();
        sent.iter().for_each(|byte| segments.block(Bytes::copy_from_slice(&[*byte])));
        let mut came = Vec::new();
        while !segments.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = segments.pieces(&mut pieces);
            assert!(count > 0);
            came.extend(pieces[..count].iter().flat_map(|piece| piece.to_vec()));
            segments.advance(count);
        }
        assert_eq!(came, sent);
    }

    #[test]
    fn what_has_no_blocks_lies_in_one_piece() {
        let mut segments = Segments::default();
        segments.bytes().extend_from_slice(b"abc");
        segments.advance(1);
        assert_eq!(segments.lone(), Some(&b"bc"[..]));
        segments.block(Bytes::from_static(b"d"));
        assert_eq!(segments.lone(), None);
    }
}
