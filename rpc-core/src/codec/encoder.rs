//! Writes the values of one payload.

use super::bincode::Bincode;
#[cfg(feature = "postcard")]
use super::postcard::Postcard;
use super::write::{Sink, Writer};
use super::{CodecId, Coding, Unencodable};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::any::Any;

/// Writes values one after the other into one payload.
///
/// It refuses what a [`Decoder`](super::Decoder) of the same [`Coding`] would refuse: values that nest deeper than
/// [`Limits::nesting_max`](crate::Limits::nesting_max), more than
/// [`Limits::zero_sized_max`](crate::Limits::zero_sized_max) elements that take no bytes, fields that are left out (`skip_serializing_if`). A value that is refused leaves nothing behind.
pub struct Encoder<'a> {
    sink: Sink<'a>,
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
        Encoder { sink: Sink::new(out, coding.into()) }
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
