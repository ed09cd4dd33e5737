//! Blocks of bytes travel as one, whatever they are called; several values share one payload.

use crate::{bare, decode, encode};
use bytes::Bytes;
use rpc_core::codec::{Decoder, Encoder};

type Alias = Vec<u8>;

suite! {
    fn blocks_look_like_a_sequence_of_bytes(codec) {
        for length in [0, 1, 250, 251, 70_000] {
            let block: Alias = (0..length).map(|n| n as u8).collect();
            let bytes = encode(codec, &block).unwrap();
            assert_eq!(bytes, bare(codec, &block));
            assert_eq!(encode(codec, &Bytes::from(block.clone())).unwrap(), bytes);
            assert_eq!(decode::<Alias>(codec, &bytes).unwrap(), block);
            assert_eq!(decode::<Bytes>(codec, &bytes).unwrap(), block);
            assert_eq!(decode::<std::collections::VecDeque<u8>>(codec, &bytes).unwrap(), block);
        }
    }

    fn a_block_of_a_shared_payload_is_a_part_of_it(codec) {
        let block = Bytes::from(vec![7; 1000]);
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, codec);
        encoder.str("before").unwrap();
        encoder.value(&block).unwrap();
        let payload = Bytes::from(out);
        let mut from = Decoder::shared(&payload, codec);
        assert_eq!(from.str().unwrap(), "before");
        let part: Bytes = from.value().unwrap();
        from.end().unwrap();
        assert_eq!(part, block);
        assert!(payload.as_ptr_range().contains(&part.as_ptr()), "it was copied");
    }

    fn values_follow_each_other_and_are_lent(codec) {
        let mut out = vec![0xaa];
        let mut encoder = Encoder::new(&mut out, codec);
        encoder.str("Ada").unwrap();
        encoder.bytes(&[1, 2, 3]).unwrap();
        encoder.slice(&["a".to_owned(), "b".to_owned()]).unwrap();
        encoder.value(&4711u64).unwrap();
        assert_eq!(out[0], 0xaa, "appended");
        let mut from = Decoder::new(&out[1..], codec);
        let name = from.str().unwrap();
        assert!(out.as_ptr_range().contains(&name.as_ptr()), "it was copied");
        assert_eq!((name, from.bytes().unwrap()), ("Ada", &[1, 2, 3][..]));
        assert_eq!(from.value::<Vec<String>>().unwrap(), ["a", "b"]);
        assert_eq!(from.value::<u64>().unwrap(), 4711);
        from.end().unwrap();
    }
}
