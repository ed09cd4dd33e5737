//! The writing half: a serde `Serializer` that refuses what could not be read back.

use super::bincode::Bincode;
use super::format::{Format, Scalar};
#[cfg(feature = "postcard")]
use super::postcard::Postcard;
use super::{CodecId, Coding, Unencodable};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::marker::PhantomData;

/// Where a payload goes, and what is left of its allowance of elements that take no bytes.
pub(super) struct Sink<'a> {
    out: &'a mut Vec<u8>,
    zero_sized: u32,
    coding: Coding,
}

impl<'a> Sink<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, coding: Coding) -> Self {
        Sink { out, zero_sized: coding.zero_sized, coding }
    }

    pub(super) fn codec(&self) -> CodecId {
        self.coding.codec
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    /// The length of a block, whose bytes follow it.
    pub(super) fn block_length(&mut self, length: u64) -> Result<(), Unencodable> {
        match self.codec() {
            CodecId::Bincode => Bincode::write(length, self.out),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => Postcard::write(length, self.out),
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// To be called after each element of a sequence or map, with the length before it.
    #[inline]
    fn account(&mut self, before: usize) -> Result<(), Unencodable> {
        if self.out.len() == before {
            self.zero_sized =
                self.zero_sized.checked_sub(1).ok_or_else(|| too_many_zero_sized(self.coding))?;
        }
        Ok(())
    }
}

/// Writes one value, or the parts of one.
pub(super) struct Writer<'b, 'a, F> {
    sink: &'b mut Sink<'a>,
    levels: u16,
    format: PhantomData<F>,
}

impl<'b, 'a, F: Format> Writer<'b, 'a, F> {
    pub(super) fn new(sink: &'b mut Sink<'a>) -> Self {
        Writer { levels: sink.coding.nesting, sink, format: PhantomData }
    }

    /// A writer of the same level.
    #[inline]
    fn again(&mut self) -> Writer<'_, 'a, F> {
        Writer { sink: self.sink, levels: self.levels, format: PhantomData }
    }

    /// A writer one level further in. The levels are those that the reader counts.
    #[inline]
    fn enter(self) -> Result<Self, Unencodable> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Writer { levels, ..self }),
            None => Err(too_deep(self.sink.coding)),
        }
    }

    #[inline]
    fn scalar<T: Scalar>(&mut self, value: T) -> Result<(), Unencodable> {
        F::write(value, self.sink.out)
    }

    /// A `u8`, which both codecs write as itself.
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.sink.out.push(byte);
    }

    #[inline]
    fn block(&mut self, block: &[u8]) -> Result<(), Unencodable> {
        self.scalar(block.len() as u64)?;
        self.sink.out.extend_from_slice(block);
        Ok(())
    }

    #[inline]
    fn variant(self, index: u32) -> Result<Self, Unencodable> {
        let mut inside = self.enter()?;
        inside.scalar(index)?;
        Ok(inside)
    }

    #[inline]
    fn counted(mut self, length: Option<usize>) -> Result<Counted<'b, 'a, F>, Unencodable> {
        let left = length
            .ok_or_else(|| Unencodable::new("a sequence or map does not know its length beforehand"))?;
        self.scalar(left as u64)?;
        let before = self.sink.len();
        Ok(Counted { writer: self.enter()?, left, before })
    }
}

macro_rules! scalars {
    ($($serialize:ident $scalar:ty)*) => { $(
        #[inline]
        fn $serialize(mut self, value: $scalar) -> Result<(), Unencodable> {
            self.scalar(value)
        }
    )* };
}

impl<'b, 'a, F: Format> Serializer for Writer<'b, 'a, F> {
    type Ok = ();
    type Error = Unencodable;
    type SerializeSeq = Counted<'b, 'a, F>;
    type SerializeMap = Counted<'b, 'a, F>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    scalars! {
        serialize_bool bool serialize_char char
        serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_f32 f32 serialize_f64 f64
    }

    #[inline]
    fn serialize_u8(mut self, value: u8) -> Result<(), Unencodable> {
        self.byte(value);
        Ok(())
    }

    #[inline]
    fn serialize_str(mut self, value: &str) -> Result<(), Unencodable> {
        self.block(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Unencodable> {
        self.block(value)
    }

    #[inline]
    fn serialize_none(mut self) -> Result<(), Unencodable> {
        self.byte(0);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), Unencodable> {
        self.byte(1);
        value.serialize(self.enter()?)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Unencodable> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unencodable> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Unencodable> {
        self.variant(index).map(drop)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unencodable> {
        value.serialize(self.enter()?)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unencodable> {
        value.serialize(self.variant(index)?)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Counted<'b, 'a, F>, Unencodable> {
        self.counted(length)
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Counted<'b, 'a, F>, Unencodable> {
        self.counted(length)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Unencodable> {
        self.enter()
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unencodable> {
        self.enter()
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unencodable> {
        self.variant(index)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unencodable> {
        self.enter()
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unencodable> {
        self.variant(index)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a sequence or map whose length was written. `before` is the length of the payload before the entry
/// that is being written.
pub(super) struct Counted<'b, 'a, F> {
    writer: Writer<'b, 'a, F>,
    left: usize,
    before: usize,
}

impl<F: Format> Counted<'_, '_, F> {
    #[inline]
    fn start(&mut self) -> Result<(), Unencodable> {
        self.left = self.left.checked_sub(1).ok_or_else(|| miscounted("more"))?;
        self.before = self.writer.sink.len();
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), Unencodable> {
        if self.left == 0 { Ok(()) } else { Err(miscounted("fewer")) }
    }
}

impl<F: Format> SerializeSeq for Counted<'_, '_, F> {
    type Ok = ();
    type Error = Unencodable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
        self.start()?;
        value.serialize(self.writer.again())?;
        self.writer.sink.account(self.before)
    }

    #[inline]
    fn end(self) -> Result<(), Unencodable> {
        self.finish()
    }
}

impl<F: Format> SerializeMap for Counted<'_, '_, F> {
    type Ok = ();
    type Error = Unencodable;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unencodable> {
        self.start()?;
        key.serialize(self.writer.again())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
        value.serialize(self.writer.again())?;
        self.writer.sink.account(self.before)
    }

    #[inline]
    fn end(self) -> Result<(), Unencodable> {
        self.finish()
    }
}

macro_rules! unnamed {
    ($($kind:ident $part:ident)*) => { $(
        impl<F: Format> $kind for Writer<'_, '_, F> {
            type Ok = ();
            type Error = Unencodable;

            #[inline]
            fn $part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unencodable> {
                value.serialize(self.again())
            }

            #[inline]
            fn end(self) -> Result<(), Unencodable> {
                Ok(())
            }
        }
    )* };
}
unnamed! { SerializeTuple serialize_element SerializeTupleStruct serialize_field SerializeTupleVariant serialize_field }

macro_rules! named {
    ($($kind:ident)*) => { $(
        impl<F: Format> $kind for Writer<'_, '_, F> {
            type Ok = ();
            type Error = Unencodable;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unencodable> {
                value.serialize(self.again())
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Unencodable> {
                Err(left_out(name))
            }

            #[inline]
            fn end(self) -> Result<(), Unencodable> {
                Ok(())
            }
        }
    )* };
}
named! { SerializeStruct SerializeStructVariant }

#[cold]
fn too_deep(coding: Coding) -> Unencodable {
    Unencodable::new(format_args!("values nest more than {} deep", coding.nesting))
}

#[cold]
fn too_many_zero_sized(coding: Coding) -> Unencodable {
    Unencodable::new(format_args!("more than {} elements that take no bytes", coding.zero_sized))
}

#[cold]
fn miscounted(how: &str) -> Unencodable {
    Unencodable::new(format_args!("a sequence or map has {how} elements than it announced"))
}

// Fields have no names on the wire: the other side would read the next field in place of this one.
#[cold]
fn left_out(name: &str) -> Unencodable {
    Unencodable::new(format_args!(
        "the field `{name}` is left out (serde's skip_serializing_if), but every field is sent"
    ))
}
