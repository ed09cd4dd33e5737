//! Writes the values of one payload.

use super::bincode::Bincode;
#[cfg(feature = "postcard")]
use super::postcard::Postcard;
use super::write::{Sink, Writer};
use super::{CodecId, Coding, Unencodable};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::any::Any;

/// From this length on a block is not copied into its payload. A piece of its own costs as much as copying some kilobytes.
const BLOCK_MIN: usize = 8 << 10;

/// Writes values one after the other into one payload.
///
/// It refuses what a [`Decoder`](super::Decoder) of the same [`Coding`] would refuse: values that nest deeper than
/// [`Limits::nesting_max`](crate::Limits::nesting_max), more than
/// [`Limits::zero_sized_max`](crate::Limits::zero_sized_max) elements that take no bytes, fields that are left out (`skip_serializing_if`). A value that is refused leaves nothing behind.
pub struct Encoder<'a> {
    sink: Sink<'a>,
    /// Where a large block at the end goes, if it need not follow the rest in memory.
    beside: Option<&'a mut Option<Box<Bytes>>>,
    /// What `Bytes` have to be most of, if they are not to be copied.
    of: Option<&'a [u8]>,
}

/// `serialize_bytes` is what makes a codec copy a block instead of a sequence of elements.
struct Block<'a>(&'a [u8]);

impl Serialize for Block<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'a> Encoder<'a> {
    /// An encoder of one payload, which is appended to `out`.
    pub fn new(out: &'a mut Vec<u8>, coding: impl Into<Coding>) -> Self {
        Encoder { sink: Sink::new(out, coding.into()), beside: None, of: None }
    }

    /// The same, for a payload whose last bytes may lie elsewhere: a large block that [`Encoder::take`] was given comes
    /// to stand in `beside`, unless something follows it.
    pub fn parting(
        out: &'a mut Vec<u8>,
        beside: &'a mut Option<Box<Bytes>>,
        coding: impl Into<Coding>,
    ) -> Self {
        Encoder { sink: Sink::new(out, coding.into()), beside: Some(beside), of: None }
    }

    /// For a payload that is kept: `Bytes` are copied, for they may keep far more in memory than they are long, unless they are
    /// half of these bytes or more.
    pub fn kept_of(self, whole: &'a [u8]) -> Self {
        Self { of: Some(whole), ..self }
    }

    /// Writes a value that is not needed any more: the same bytes as [`Encoder::value`], but a large `Vec<u8>` or
    /// `Bytes` is taken and not copied, if the payload may [part](Encoder::parting).
    ///
    /// # Errors
    /// As [`Encoder::value`].
    #[inline]
    pub fn take<T: Serialize + 'static>(&mut self, value: &mut T) -> Result<(), Unencodable> {
        self.take_block(value).unwrap_or_else(|| self.value(value))
    }

    /// Writes a value as [`Encoder::take`] does if it is a large block, and not at all if it is anything else.
    #[inline]
    pub fn take_block<T: 'static>(&mut self, value: &mut T) -> Option<Result<(), Unencodable>> {
        self.beside.as_ref()?;
        let any = value as &mut dyn Any;
        let block = if let Some(block) = any.downcast_mut::<Vec<u8>>() {
            // It may be kept for long, and only its bytes are counted.
            let wasteful = block.capacity() > 2 * block.len();
            (block.len() >= BLOCK_MIN && !wasteful).then(|| std::mem::take(block).into())
        } else {
            let of = self.of;
            let stays = |block: &Bytes| {
                let most_of = |whole: &[u8]| {
                    whole.as_ptr_range().contains(&block.as_ptr()) && 2 * block.len() >= whole.len()
                };
                block.len() >= BLOCK_MIN && of.is_none_or(most_of)
            };
            any.downcast_mut::<Bytes>().filter(|block| stays(block)).map(std::mem::take)
        };
        block.map(|block| self.put_beside(block))
    }

    fn put_beside(&mut self, block: Bytes) -> Result<(), Unencodable> {
        self.close_up();
        self.sink.block_length(block.len() as u64)?;
        if let Some(beside) = &mut self.beside {
            **beside = Some(Box::new(block));
        }
        Ok(())
    }

    /// What follows a block has to stand behind it.
    #[inline]
    fn close_up(&mut self) {
        if let Some(beside) = &mut self.beside
            && let Some(block) = beside.take()
        {
            self.sink.append(&block);
        }
    }

    /// Writes a value. `Vec<u8>` and `Bytes` are written in one copy; they are recognised by type, not by the tokens
    /// that name it, so an alias of them is as fast. The comparisons are decided at compile time.
    ///
    /// # Errors
    /// The value's own `Serialize` fails, or the other side could not read the value.
    #[inline]
    pub fn value<T: Serialize + 'static>(&mut self, value: &T) -> Result<(), Unencodable> {
        let any = value as &dyn Any;
        if let Some(block) = any.downcast_ref::<Vec<u8>>() {
            return self.bytes(block);
        }
        if let Some(block) = any.downcast_ref::<Bytes>() {
            return self.bytes(block);
        }
        self.plain(value)
    }

    /// Writes a value, without a look at its type.
    ///
    /// # Errors
    /// As [`Encoder::value`].
    #[inline(never)]
    pub fn plain<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
        self.close_up();
        let start = self.sink.len();
        let written = match self.sink.codec() {
            CodecId::Bincode => value.serialize(Writer::<Bincode>::new(&mut self.sink)),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => value.serialize(Writer::<Postcard>::new(&mut self.sink)),
        };
        if written.is_err() {
            self.sink.truncate(start);
        }
        written
    }

    /// Writes a text.
    ///
    /// # Errors
    /// None that is known.
    pub fn str(&mut self, value: &str) -> Result<(), Unencodable> {
        self.plain(value)
    }

    /// Writes a block of bytes: the same bytes as those of a `Vec<u8>`.
    ///
    /// # Errors
    /// None that is known.
    pub fn bytes(&mut self, value: &[u8]) -> Result<(), Unencodable> {
        self.plain(&Block(value))
    }

    /// Writes a sequence: the same bytes as those of a `Vec<T>`.
    ///
    /// # Errors
    /// As [`Encoder::value`].
    pub fn slice<T: Serialize>(&mut self, value: &[T]) -> Result<(), Unencodable> {
        self.plain(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: &[CodecId] = &[
        CodecId::Bincode,
        #[cfg(feature = "postcard")]
        CodecId::Postcard,
    ];

    /// What a parting encoder wrote: the first part, and the block if one stayed behind it.
    fn parts(codec: CodecId, write: impl FnOnce(&mut Encoder<'_>)) -> (Vec<u8>, Option<Box<Bytes>>) {
        let (mut out, mut block) = (Vec::new(), None);
        write(&mut Encoder::parting(&mut out, &mut block, codec));
        (out, block)
    }

    #[test]
    fn a_block_that_is_taken_is_the_same_bytes_as_one_that_is_copied() {
        for &codec in CODECS {
            for length in [0, BLOCK_MIN - 1, BLOCK_MIN, 100_000] {
                let sent: Vec<u8> = (0..length).map(|at| at as u8).collect();
                let mut copied = Vec::new();
                let mut encoder = Encoder::new(&mut copied, codec);
                encoder.value(&7_u64).unwrap();
                encoder.value(&sent).unwrap();
                let (mut taken, block) = parts(codec, |out| {
                    out.value(&7_u64).unwrap();
                    out.take(&mut sent.clone()).unwrap();
                });
                assert_eq!(block.is_some(), length >= BLOCK_MIN);
                taken.extend_from_slice(&block.map_or_else(Bytes::new, |block| *block));
                assert_eq!(taken, copied, "{codec:?}, {length} bytes");
            }
        }
    }

    #[test]
    fn what_follows_a_block_stands_behind_it() {
        for &codec in CODECS {
            let (one, other) = (vec![1_u8; BLOCK_MIN], vec![2_u8; BLOCK_MIN]);
            let mut copied = Vec::new();
            let mut encoder = Encoder::new(&mut copied, codec);
            encoder.value(&one).unwrap();
            encoder.value(&other).unwrap();
            encoder.value(&"seat".to_owned()).unwrap();
            let (taken, block) = parts(codec, |out| {
                out.take(&mut one.clone()).unwrap();
                out.take(&mut other.clone()).unwrap();
                out.take(&mut "seat".to_owned()).unwrap();
            });
            assert!(block.is_none() && taken == copied, "{codec:?}");
        }
    }

    #[test]
    fn bytes_that_keep_more_in_memory_than_they_are_long_are_copied_where_they_are_kept() {
        let request = Bytes::from(vec![7; 4 * BLOCK_MIN]);
        let stays = |mut value: Bytes| {
            let (mut out, mut block) = (Vec::new(), None);
            let encoder = Encoder::parting(&mut out, &mut block, CodecId::Bincode);
            encoder.kept_of(&request).take(&mut value).unwrap();
            block.is_some()
        };
        assert!(stays(request.slice(..2 * BLOCK_MIN)));
        assert!(!stays(request.slice(..BLOCK_MIN)), "less than half of the request");
        assert!(!stays(Bytes::from(vec![7; 64 * BLOCK_MIN]).slice(..4 * BLOCK_MIN)), "of something else");
    }
}
