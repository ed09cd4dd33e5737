//! What a codec crate has to do: write and read one scalar.

use super::{Malformed, Unencodable};
use serde::{Serialize, de::DeserializeOwned};

/// A number, a `bool` or a `char`: what is written as a whole.
pub(super) trait Scalar:
    ::bincode::Encode + ::bincode::Decode<()> + Serialize + DeserializeOwned
{
}

macro_rules! scalars {
    ($($scalar:ty)*) => { $( impl Scalar for $scalar {} )* };
}
scalars! { bool char u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 }

/// A codec. Lengths are written as a `u64`, the index of a variant as a `u32`, the presence of an `Option`'s value as a
/// `u8`, texts and blocks as their length and their bytes; structures and tuples are their parts and nothing more.
pub(super) trait Format {
    /// Reads a scalar off the front of `from`.
    fn read<T: Scalar>(from: &mut &[u8]) -> Result<T, Malformed>;

    /// Appends a scalar to `to`.
    fn write<T: Scalar>(value: T, to: &mut Vec<u8>) -> Result<(), Unencodable>;
}
