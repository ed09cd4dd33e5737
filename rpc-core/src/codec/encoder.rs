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
        Encoder { sink: Sink::new(out, coding.into()), beside: None }
    }

    /// The same, for a payload whose last bytes may lie elsewhere: a large block that [`Encoder::take`] was given comes
    /// to stand in `beside`, unless something follows it.
    pub fn parting(
        out: &'a mut Vec<u8>,
        beside: &'a mut Option<Box<Bytes>>,
        coding: impl Into<Coding>,
    ) -> Self {
        Encoder { sink: Sink::new(out, coding.into()), beside: Some(beside) }
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
            any.downcast_mut::<Bytes>().filter(|block| block.len() >= BLOCK_MIN).map(std::mem::take)
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
