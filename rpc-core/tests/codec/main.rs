//! Both codecs pass one and the same suite.
// Values that cross the wire, not state of an engine.
#![allow(clippy::disallowed_types)]

/// Each function becomes a test for each codec.
macro_rules! suite {
    ($(fn $name:ident($codec:ident) $body:block)*) => {
        $( fn $name($codec: rpc_core::codec::CodecId) $body )*
        mod bincode {
            $( #[test] fn $name() { super::$name(rpc_core::codec::CodecId::Bincode) } )*
        }
        #[cfg(feature = "postcard")]
        mod postcard {
            $( #[test] fn $name() { super::$name(rpc_core::codec::CodecId::Postcard) } )*
        }
    };
}

mod blocks;
mod errors;
mod hostile;
mod properties;
mod values;

use rpc_core::codec::{CodecId, Decoder, Encoder, Malformed, Unencodable};
use serde::{Serialize, de::DeserializeOwned};

fn encode<T: Serialize + 'static>(codec: CodecId, value: &T) -> Result<Vec<u8>, Unencodable> {
    let mut out = Vec::new();
    Encoder::new(&mut out, codec).value(value)?;
    Ok(out)
}

fn decode<T: DeserializeOwned + 'static>(codec: CodecId, bytes: &[u8]) -> Result<T, Malformed> {
    let mut from = Decoder::new(bytes, codec);
    let value = from.value()?;
    from.end()?;
    Ok(value)
}

/// What the codec crate itself writes.
fn bare<T: Serialize>(codec: CodecId, value: &T) -> Vec<u8> {
    match codec {
        #[cfg(feature = "postcard")]
        CodecId::Postcard => ::postcard::to_stdvec(value).unwrap(),
        _ => ::bincode::serde::encode_to_vec(value, ::bincode::config::standard()).unwrap(),
    }
}

/// A length, an index or a number as the codec writes it.
fn number(codec: CodecId, number: u64) -> Vec<u8> {
    bare(codec, &number)
}

#[test]
fn codecs_are_numbered_and_unknown_numbers_are_refused() {
    assert_eq!(CodecId::default(), CodecId::Bincode);
    assert_eq!(CodecId::from_wire(1), Some(CodecId::Bincode));
    for codec in CodecId::AVAILABLE {
        assert_eq!(CodecId::from_wire(codec.to_wire()), Some(*codec));
    }
    assert_eq!(CodecId::from_wire(0), None);
    assert_eq!(CodecId::from_wire(3), None);
    assert_eq!(CodecId::from_wire(2).is_some(), cfg!(feature = "postcard"));
}
