//! Random values and random bytes.

use crate::{bare, decode, encode};
use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rpc_core::codec::{CodecId, Encoder};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Value {
    Null,
    Bool(bool),
    Numbers(i64, u128, u16),
    Text(String),
    Char { is: char },
    Block(Vec<u8>),
    Maybe(Option<Option<Box<Value>>>),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Outcome(Result<Box<Value>, Duration>),
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<(i64, u128, u16)>().prop_map(|(a, b, c)| Value::Numbers(a, b, c)),
        "\\PC{0,20}".prop_map(Value::Text),
        any::<char>().prop_map(|is| Value::Char { is }),
        vec(any::<u8>(), 0..300).prop_map(Value::Block),
        Just(Value::Maybe(Some(None))),
        any::<Duration>().prop_map(|d| Value::Outcome(Err(d))),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::List),
            btree_map("[a-z]{0,4}", inner.clone(), 0..6).prop_map(Value::Map),
            inner.clone().prop_map(|v| Value::Maybe(Some(Some(Box::new(v))))),
            inner.prop_map(|v| Value::Outcome(Ok(Box::new(v)))),
        ]
    })
}

/// An argument that is given away.
#[derive(Clone, Debug)]
enum Given {
    Value(Value),
    /// With so much room as well that its owner does not use.
    Block(Vec<u8>, usize),
    /// A part of something that begins so much earlier and ends so much later.
    Bytes(Vec<u8>, usize, usize),
}

fn given() -> impl Strategy<Value = Given> {
    // Around the length from which on a block is not copied.
    let block =
        || prop_oneof![0..40usize, 8190..8195usize, 0..40_000usize].prop_map(|length| vec![7; length]);
    prop_oneof![
        value().prop_map(Given::Value),
        (block(), 0..40_000usize).prop_map(|(block, room)| Given::Block(block, room)),
        (block(), 0..20_000usize, 0..20_000usize).prop_map(|(block, at, end)| Given::Bytes(block, at, end)),
    ]
}

impl Given {
    fn copy(&self, into: &mut Encoder<'_>) {
        match self {
            Given::Value(value) => into.value(value),
            Given::Block(block, _) | Given::Bytes(block, ..) => into.bytes(block),
        }
        .unwrap();
    }

    fn give(self, into: &mut Encoder<'_>) {
        match self {
            Given::Value(mut value) => into.take(&mut value),
            Given::Block(mut block, room) => {
                block.reserve_exact(room);
                into.take(&mut block)
            }
            Given::Bytes(block, at, end) => {
                let whole = [vec![1; at], block, vec![2; end]].concat();
                let until = whole.len() - end;
                into.take(&mut Bytes::from(whole).slice(at..until))
            }
        }
        .unwrap();
    }
}

fn read_everything(codec: CodecId, bytes: &[u8]) {
    let read = decode::<Value>(codec, bytes);
    if let Ok(value) = read {
        let again = encode(codec, &value).unwrap();
        assert_eq!(decode::<Value>(codec, &again).unwrap(), value);
    }
    drop(decode::<Vec<Vec<()>>>(codec, bytes));
    drop(decode::<Vec<(u8, String)>>(codec, bytes));
    drop(decode::<HashMap<String, Vec<u64>>>(codec, bytes));
    drop(decode::<(u128, i16, char, bool, f32)>(codec, bytes));
    drop(decode::<(std::net::SocketAddr, std::time::SystemTime, Duration)>(codec, bytes));
    drop(decode::<(Bytes, Vec<u8>, Box<str>, Option<std::num::NonZeroU16>)>(codec, bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives_and_looks_as_the_codec_itself_writes_it(value in value()) {
        for codec in CodecId::AVAILABLE {
            let bytes = encode(*codec, &value).unwrap();
            prop_assert_eq!(&bytes, &bare(*codec, &value));
            prop_assert_eq!(&decode::<Value>(*codec, &bytes).unwrap(), &value);
        }
    }

    #[test]
    fn arguments_that_are_given_away_are_the_same_bytes_as_those_that_are_copied(all in vec(given(), 0..5)) {
        for codec in CodecId::AVAILABLE {
            let (mut copied, mut head, mut block) = (Vec::new(), Vec::new(), None);
            all.iter().for_each(|given| given.copy(&mut Encoder::new(&mut copied, *codec)));
            let mut encoder = Encoder::parting(&mut head, &mut block, *codec);
            all.iter().cloned().for_each(|given| given.give(&mut encoder));
            head.extend_from_slice(&block.unwrap_or_default());
            prop_assert!(head == copied);
        }
    }

    #[test]
    fn a_value_that_was_cut_short_is_refused(value in value(), at in any::<prop::sample::Index>()) {
        for codec in CodecId::AVAILABLE {
            let bytes = encode(*codec, &value).unwrap();
            prop_assert!(decode::<Value>(*codec, &bytes[..at.index(bytes.len())]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        CodecId::AVAILABLE.iter().for_each(|codec| read_everything(*codec, &bytes));
    }

    #[test]
    fn a_value_with_changed_bytes_is_read_or_refused(
        value in value(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for codec in CodecId::AVAILABLE {
            let mut bytes = encode(*codec, &value).unwrap();
            for (at, to) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *to;
            }
            read_everything(*codec, &bytes);
        }
    }
}
