//! Values to bytes and back. The engines never see this: they know payloads as bytes.
//!
//! The codec crates write and read the scalars. What holds other values (sequences, maps, structures, enums) is walked
//! here, for two reasons: neither crate bounds nesting or elements of size zero, and both believe a length that a peer
//! wrote. What comes out is byte for byte what `bincode::serde` and `postcard` write; a test compares them.

mod bincode;
mod coding;
mod decoder;
mod encoder;
mod error;
mod format;
#[cfg(feature = "postcard")]
mod postcard;
mod read;
mod write;

pub use coding::Coding;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{Malformed, Unencodable};

/// Which codec a session's payloads are written in. Both sides agree on it in the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum CodecId {
    /// bincode 2 in its standard configuration: little endian, integers of variable length. The default.
    #[default]
    Bincode = 1,
    /// postcard 1, with the feature `postcard`.
    #[cfg(feature = "postcard")]
    Postcard = 2,
}

impl CodecId {
    /// The codecs that were compiled in, the preferred one first.
    pub const AVAILABLE: &'static [CodecId] = &[
        CodecId::Bincode,
        #[cfg(feature = "postcard")]
        CodecId::Postcard,
    ];

    /// Its number on the wire.
    pub const fn to_wire(self) -> u8 {
        self as u8
    }

    /// Reads a number from the wire. `None` for a codec that is unknown or was not compiled in.
    pub fn from_wire(number: u8) -> Option<CodecId> {
        Self::AVAILABLE.iter().copied().find(|codec| codec.to_wire() == number)
    }
}
