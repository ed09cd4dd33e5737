//! postcard 1, behind the feature `postcard`: the second codec, should bincode have to go.

use super::format::{Format, Scalar};
use super::{Malformed, Unencodable};
use ::postcard::Error;
use ::postcard::ser_flavors::Flavor;

pub(super) enum Postcard {}

impl Format for Postcard {
    #[inline]
    fn read<T: Scalar>(from: &mut &[u8]) -> Result<T, Malformed> {
        let (value, rest) = ::postcard::take_from_bytes(from).map_err(malformed)?;
        *from = rest;
        Ok(value)
    }

    #[inline]
    fn write<T: Scalar>(value: T, to: &mut Vec<u8>) -> Result<(), Unencodable> {
        ::postcard::serialize_with_flavor(&value, Sink(to)).map_err(Unencodable::new)
    }
}

struct Sink<'a>(&'a mut Vec<u8>);

impl Flavor for Sink<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> ::postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> ::postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn finalize(self) -> ::postcard::Result<()> {
        Ok(())
    }
}

#[cold]
fn malformed(error: Error) -> Malformed {
    match error {
        Error::DeserializeUnexpectedEnd => Malformed::new("some bytes too few"),
        Error::DeserializeBadVarint => Malformed::new("a number of more bytes than its type has"),
        Error::DeserializeBadBool => Malformed::new("neither 0 nor 1 is no bool"),
        Error::DeserializeBadChar => Malformed::new("no char"),
        other => Malformed::new(other),
    }
}
