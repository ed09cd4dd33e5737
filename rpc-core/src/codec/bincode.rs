//! bincode 2, standard configuration. Without bincode's own limit, which counts memory and not the wire: it would refuse
//! an honest `Vec<u64>` of small numbers. Nothing here allocates by a length that a peer wrote.

use super::format::{Format, Scalar};
use super::{Malformed, Unencodable};
use ::bincode::config;
use ::bincode::de::{DecoderImpl, read::Reader};
use ::bincode::enc::{EncoderImpl, write::Writer};
use ::bincode::error::{DecodeError, EncodeError};

pub(super) enum Bincode {}

impl Format for Bincode {
    #[inline]
    fn read<T: Scalar>(from: &mut &[u8]) -> Result<T, Malformed> {
        T::decode(&mut DecoderImpl::new(Source(from), config::standard(), ())).map_err(malformed)
    }

    #[inline]
    fn write<T: Scalar>(value: T, to: &mut Vec<u8>) -> Result<(), Unencodable> {
        value.encode(&mut EncoderImpl::new(Sink(to), config::standard())).map_err(unencodable)
    }
}

struct Source<'a, 'de>(&'a mut &'de [u8]);

impl Reader for Source<'_, '_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        let Some((front, rest)) = self.0.split_at_checked(bytes.len()) else {
            return Err(DecodeError::UnexpectedEnd { additional: bytes.len() - self.0.len() });
        };
        bytes.copy_from_slice(front);
        *self.0 = rest;
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, length: usize) -> Option<&[u8]> {
        self.0.get(..length)
    }

    #[inline]
    fn consume(&mut self, length: usize) {
        *self.0 = self.0.get(length..).unwrap_or_default();
    }
}

struct Sink<'a>(&'a mut Vec<u8>);

impl Writer for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

// bincode's `Display` is its `Debug`: `OtherString("..")`. Its words are kept, the wrapper is not.
#[cold]
fn malformed(error: DecodeError) -> Malformed {
    match error {
        DecodeError::UnexpectedEnd { additional: 1 } => Malformed::new("1 byte too few"),
        DecodeError::UnexpectedEnd { additional } => {
            Malformed::new(format_args!("{additional} bytes too few"))
        }
        DecodeError::InvalidBooleanValue(found) => Malformed::new(format_args!("{found} is no bool")),
        DecodeError::InvalidCharEncoding(bytes) => Malformed::new(format_args!("{bytes:02x?} is no char")),
        DecodeError::InvalidIntegerType { expected, found } => {
            Malformed::new(format_args!("a number of type {found:?} instead of {expected:?}"))
        }
        DecodeError::OtherString(words) => Malformed::new(words),
        DecodeError::Other(words) => Malformed::new(words),
        other => Malformed::new(other),
    }
}

#[cold]
fn unencodable(error: EncodeError) -> Unencodable {
    match error {
        EncodeError::OtherString(words) => Unencodable::new(words),
        EncodeError::Other(words) => Unencodable::new(words),
        other => Unencodable::new(other),
    }
}
