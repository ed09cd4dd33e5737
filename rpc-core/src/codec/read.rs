//! The reading half: a serde `Deserializer` that believes nothing.
//!
//! Levels are counted by value: a reader knows how many it may still open, and hands one less to what it opens. So
//! nothing has to be counted back, and for flat types the compiler drops the count altogether.

use super::format::{Format, Scalar};
use super::{CodecId, Coding, Malformed};
use crate::error::counted;
use serde::Deserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use std::marker::PhantomData;

/// What is left of a payload, and of its allowance of elements that take no bytes.
#[derive(Clone, Copy)]
pub(super) struct Rest<'de> {
    bytes: &'de [u8],
    zero_sized: u32,
    coding: Coding,
}

impl<'de> Rest<'de> {
    pub(super) fn new(payload: &'de [u8], coding: Coding) -> Self {
        Rest { bytes: payload, zero_sized: coding.zero_sized, coding }
    }

    pub(super) fn codec(&self) -> CodecId {
        self.coding.codec
    }

    pub(super) fn bytes_left(&self) -> usize {
        self.bytes.len()
    }

    /// To be called after each element of a sequence or map, with what was left before it.
    #[inline]
    fn account(&mut self, before: usize) -> Result<(), Malformed> {
        if self.bytes.len() == before {
            self.zero_sized =
                self.zero_sized.checked_sub(1).ok_or_else(|| too_many_zero_sized(self.coding))?;
        }
        Ok(())
    }
}

/// Reads one value.
pub(super) struct Reader<'a, 'de, F> {
    rest: &'a mut Rest<'de>,
    levels: u16,
    format: PhantomData<F>,
}

impl<'a, 'de, F: Format> Reader<'a, 'de, F> {
    pub(super) fn new(rest: &'a mut Rest<'de>) -> Self {
        Reader { levels: rest.coding.nesting, rest, format: PhantomData }
    }

    /// A reader of the same level.
    #[inline]
    fn again(&mut self) -> Reader<'_, 'de, F> {
        Reader { rest: self.rest, levels: self.levels, format: PhantomData }
    }

    /// A reader one level further in.
    #[inline]
    fn enter(self) -> Result<Self, Malformed> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Reader { levels, ..self }),
            None => Err(too_deep(self.rest.coding)),
        }
    }

    #[inline]
    fn scalar<T: Scalar>(&mut self) -> Result<T, Malformed> {
        F::read(&mut self.rest.bytes)
    }

    /// A `u8`, which both codecs write as itself. It is what sequences are most often made of.
    #[inline]
    fn byte(&mut self) -> Result<u8, Malformed> {
        let Some((byte, rest)) = self.rest.bytes.split_first() else {
            return Err(Malformed::new("1 byte too few"));
        };
        self.rest.bytes = rest;
        Ok(*byte)
    }

    /// How many elements follow. Either each of them has a byte, or they have none and there are not too many.
    #[inline]
    fn count(&mut self) -> Result<usize, Malformed> {
        let claimed: u64 = self.scalar()?;
        match usize::try_from(claimed) {
            Ok(count) if count <= self.rest.bytes.len() || count <= self.rest.zero_sized as usize => {
                Ok(count)
            }
            _ => Err(too_many(claimed, self.rest.bytes.len())),
        }
    }

    /// A block of bytes, lent out of the payload.
    #[inline]
    pub(super) fn block(&mut self) -> Result<&'de [u8], Malformed> {
        let claimed: u64 = self.scalar()?;
        let parts = usize::try_from(claimed).ok().and_then(|length| self.rest.bytes.split_at_checked(length));
        let Some((block, rest)) = parts else { return Err(too_long(claimed, self.rest.bytes.len())) };
        self.rest.bytes = rest;
        Ok(block)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, Malformed> {
        let block = self.block()?;
        str::from_utf8(block).map_err(|error| Malformed::new(format_args!("a text is not UTF-8: {error}")))
    }
}

macro_rules! scalars {
    ($($deserialize:ident $visit:ident)*) => { $(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
            visitor.$visit(self.scalar()?)
        }
    )* };
}

impl<'de, F: Format> Deserializer<'de> for Reader<'_, 'de, F> {
    type Error = Malformed;

    scalars! {
        deserialize_bool visit_bool deserialize_char visit_char
        deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_borrowed_str(self.text()?)
    }

    // Lent as well: an owned text would be allocated here and, by many visitors, once more.
    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_borrowed_bytes(self.block()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self.enter()?),
            other => {
                Err(Malformed::invalid_value(Unexpected::Unsigned(other.into()), &"0 or 1 for an option"))
            }
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self.enter()?)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        let left = self.count()?;
        let mut elements = Elements { reader: self.enter()?, left };
        let value = visitor.visit_seq(&mut elements)?;
        all_read(elements.left, value)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Parts { reader: self.enter()?, left: length })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Malformed> {
        let left = self.count()?;
        let before = self.rest.bytes.len();
        let mut entries = Entries { reader: self.enter()?, left, before };
        let value = visitor.visit_map(&mut entries)?;
        all_read(entries.left, value)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_enum(Choice { reader: self.enter()?, name, known: variants.len() })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Malformed> {
        Err(not_self_describing())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Malformed> {
        Err(not_self_describing())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Malformed> {
        Err(not_self_describing())
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a sequence whose length the peer wrote.
struct Elements<'a, 'de, F> {
    reader: Reader<'a, 'de, F>,
    left: usize,
}

impl<'de, F: Format> SeqAccess<'de> for Elements<'_, 'de, F> {
    type Error = Malformed;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Malformed> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let before = self.reader.rest.bytes.len();
        let value = seed.deserialize(self.reader.again())?;
        self.reader.rest.account(before)?;
        Ok(Some(value))
    }

    // Memory is set aside by this hint, so it must not promise more than there can be.
    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.rest.bytes.len()))
    }
}

/// The parts of a tuple or structure: their number belongs to the type.
struct Parts<'a, 'de, F> {
    reader: Reader<'a, 'de, F>,
    left: usize,
}

impl<'de, F: Format> SeqAccess<'de> for Parts<'_, 'de, F> {
    type Error = Malformed;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Malformed> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.reader.again()).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The entries of a map. `before` is what was left of the payload before the entry that is being read.
struct Entries<'a, 'de, F> {
    reader: Reader<'a, 'de, F>,
    left: usize,
    before: usize,
}

impl<'de, F: Format> MapAccess<'de> for Entries<'_, 'de, F> {
    type Error = Malformed;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Malformed> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.before = self.reader.rest.bytes.len();
        seed.deserialize(self.reader.again()).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Malformed> {
        let value = seed.deserialize(self.reader.again())?;
        self.reader.rest.account(self.before)?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.rest.bytes.len()))
    }
}

/// An enum whose variant is not read yet.
struct Choice<'a, 'de, F> {
    reader: Reader<'a, 'de, F>,
    name: &'static str,
    known: usize,
}

impl<'a, 'de, F: Format> EnumAccess<'de> for Choice<'a, 'de, F> {
    type Error = Malformed;
    type Variant = Reader<'a, 'de, F>;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(
        mut self,
        seed: V,
    ) -> Result<(V::Value, Reader<'a, 'de, F>), Malformed> {
        let index: u32 = self.reader.scalar()?;
        let variant = seed.deserialize(IntoDeserializer::<Malformed>::into_deserializer(index));
        match variant {
            Ok(variant) => Ok((variant, self.reader)),
            Err(why) => Err(unknown_variant(self.name, index, self.known, why)),
        }
    }
}

// The variant's content is of the level that the enum has opened.
impl<'de, F: Format> VariantAccess<'de> for Reader<'_, 'de, F> {
    type Error = Malformed;

    #[inline]
    fn unit_variant(self) -> Result<(), Malformed> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Malformed> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Parts { reader: self, left: length })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_seq(Parts { reader: self, left: fields.len() })
    }
}

/// A visitor that stops early would leave the rest of its elements to the next value.
#[inline]
fn all_read<T>(left: usize, value: T) -> Result<T, Malformed> {
    if left == 0 { Ok(value) } else { Err(unread(left)) }
}

#[cold]
fn unread(left: usize) -> Malformed {
    Malformed::new(format_args!("{left} elements more than the type takes"))
}

// serde's own words do not name the enum.
#[cold]
fn unknown_variant(name: &str, index: u32, known: usize, why: Malformed) -> Malformed {
    if (index as usize) < known {
        return why;
    }
    let variants = counted(known, "variant");
    Malformed::new(format_args!(
        "{name} has no variant with index {index}: the side that reads knows {variants}, the side that wrote \
         is likely newer"
    ))
}

#[cold]
fn too_deep(coding: Coding) -> Malformed {
    Malformed::new(format_args!("values nest more than {} deep", coding.nesting))
}

#[cold]
fn too_many(claimed: u64, left: usize) -> Malformed {
    Malformed::new(format_args!("{claimed} elements are announced, but only {left} bytes are left"))
}

#[cold]
fn too_long(claimed: u64, left: usize) -> Malformed {
    Malformed::new(format_args!("a length of {claimed} bytes is announced, but only {left} bytes are left"))
}

#[cold]
fn too_many_zero_sized(coding: Coding) -> Malformed {
    Malformed::new(format_args!("more than {} elements that take no bytes", coding.zero_sized))
}

#[cold]
fn not_self_describing() -> Malformed {
    Malformed::new(
        "the type asks the bytes for their own structure (serde's untagged, tag or flatten), which they do not carry",
    )
}
