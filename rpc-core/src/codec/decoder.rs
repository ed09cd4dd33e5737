//! Reads the values of one payload.

use super::bincode::Bincode;
#[cfg(feature = "postcard")]
use super::postcard::Postcard;
use super::read::{Reader, Rest};
use super::{CodecId, Coding, Malformed};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use std::any::{Any, TypeId};

/// Reads values one after the other out of one payload. What it lends lives as long as the payload.
///
/// No payload costs more than it has bytes: values nest at most [`Limits::nesting_max`](crate::Limits::nesting_max) deep,
/// no length is believed beyond what is left of the payload, and elements that take no bytes are counted against
/// [`Limits::zero_sized_max`](crate::Limits::zero_sized_max).
pub struct Decoder<'de> {
    rest: Rest<'de>,
    shared: Option<&'de Bytes>,
}

impl<'de> Decoder<'de> {
    /// A decoder of these bytes. `Bytes` are copied out of them.
    pub fn new(payload: &'de [u8], coding: impl Into<Coding>) -> Self {
        Decoder { rest: Rest::new(payload, coding.into()), shared: None }
    }

    /// A decoder of a payload that is shared: a value of type `Bytes` becomes a part of it instead of a copy, and keeps
    /// all of it in memory.
    pub fn shared(payload: &'de Bytes, coding: impl Into<Coding>) -> Self {
        Decoder { rest: Rest::new(payload, coding.into()), shared: Some(payload) }
    }

    /// The next value. `Vec<u8>` and `Bytes` are read in one copy; they are recognised by type, so an alias of them is
    /// as fast.
    ///
    /// # Errors
    /// The bytes are no such value, or claim more than a payload may.
    #[inline]
    pub fn value<T: DeserializeOwned + 'static>(&mut self) -> Result<T, Malformed> {
        let asked = TypeId::of::<T>();
        if asked == TypeId::of::<Vec<u8>>() || asked == TypeId::of::<Bytes>() {
            let mut place: Option<T> = None;
            self.block(&mut place)?;
            if let Some(value) = place {
                return Ok(value);
            }
        }
        self.plain()
    }

    /// Fills a place for a `Vec<u8>` or for `Bytes`: safe code can turn neither into `T`, but it can name the place.
    fn block(&mut self, place: &mut dyn Any) -> Result<(), Malformed> {
        let block = self.bytes()?;
        if let Some(place) = place.downcast_mut::<Option<Vec<u8>>>() {
            *place = Some(block.to_vec());
        } else if let Some(place) = place.downcast_mut::<Option<Bytes>>() {
            // `block` was cut out of `whole`, which is what `slice_ref` asks.
            *place = Some(
                self.shared.map_or_else(|| Bytes::copy_from_slice(block), |whole| whole.slice_ref(block)),
            );
        }
        Ok(())
    }

    /// The next value, without a look at its type. It may borrow from the payload.
    ///
    /// # Errors
    /// As [`Decoder::value`].
    #[inline]
    pub fn plain<T: Deserialize<'de>>(&mut self) -> Result<T, Malformed> {
        // A copy of its own, so that the compiler can keep it in registers.
        let mut rest = self.rest;
        let value = match rest.codec() {
            CodecId::Bincode => T::deserialize(Reader::<Bincode>::new(&mut rest)),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => T::deserialize(Reader::<Postcard>::new(&mut rest)),
        };
        self.rest = rest;
        value
    }

    /// The next value, which is a text, lent out of the payload.
    ///
    /// # Errors
    /// There are too few bytes, or they are not UTF-8.
    pub fn str(&mut self) -> Result<&'de str, Malformed> {
        self.plain()
    }

    /// The next value, which is a block of bytes, lent out of the payload.
    ///
    /// # Errors
    /// There are too few bytes.
    pub fn bytes(&mut self) -> Result<&'de [u8], Malformed> {
        match self.rest.codec() {
            CodecId::Bincode => Reader::<Bincode>::new(&mut self.rest).block(),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => Reader::<Postcard>::new(&mut self.rest).block(),
        }
    }

    /// To be called after the last value.
    ///
    /// # Errors
    /// There are bytes left, so the payload is not what the caller takes it for.
    pub fn end(self) -> Result<(), Malformed> {
        match self.rest.bytes_left() {
            0 => Ok(()),
            1 => Err(Malformed::new("1 byte too many")),
            many => Err(Malformed::new(format_args!("{many} bytes too many"))),
        }
    }
}
