//! Bytes that claim more than there is: refused at once, without memory, with the reason.

use crate::errors::Node;
use crate::{decode, number};
use bytes::Bytes;
use rpc_core::codec::CodecId;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};

const HUGE: [u64; 6] = [u64::MAX, 1 << 63, 1 << 46, u32::MAX as u64, 1 << 24, 70_000];

fn claims<T: DeserializeOwned + 'static>(codec: CodecId) {
    for length in HUGE {
        let mut bytes = number(codec, length);
        bytes.extend_from_slice(&[1; 9]);
        let why = match decode::<T>(codec, &bytes) {
            Ok(_) => panic!("{} of length {length} was read", std::any::type_name::<T>()),
            Err(why) => why.to_string(),
        };
        assert!(why.contains(&format!("{length} ")) && why.ends_with("but only 9 bytes are left"), "{why}");
    }
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)] // read, not used
enum Expression {
    Number(u8),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Pair { left: Box<Expression>, right: Box<Expression> },
}
#[derive(Debug, Deserialize)]
#[allow(dead_code)] // read, not used
struct Wrapped(Option<Box<Wrapped>>);
#[derive(Debug, Deserialize)]
#[allow(dead_code)] // read, not used
struct Lists(Vec<Lists>);
#[derive(Debug, Deserialize)]
#[allow(dead_code)] // read, not used
struct Maps(BTreeMap<u8, Maps>);
#[derive(Debug, Deserialize)]
#[allow(dead_code)] // read, not used
struct Endless(Box<Endless>);

/// Looks at the hint by which memory is set aside.
struct Hint(usize);
impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Looks;
        impl<'de> Visitor<'de> for Looks {
            type Value = Hint;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Hint, A::Error> {
                let hint = seq.size_hint().unwrap();
                while seq.next_element::<()>()?.is_some() {}
                Ok(Hint(hint))
            }
        }
        deserializer.deserialize_seq(Looks)
    }
}

/// Takes one element and leaves the rest.
struct Picky;
impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Takes;
        impl<'de> Visitor<'de> for Takes {
            type Value = Picky;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Picky, A::Error> {
                seq.next_element::<u8>().map(|_| Picky)
            }
        }
        deserializer.deserialize_seq(Takes)
    }
}

suite! {
    fn lengths_beyond_the_payload_are_refused(codec) {
        claims::<String>(codec);
        claims::<Box<str>>(codec);
        claims::<Vec<u8>>(codec);
        claims::<Bytes>(codec);
        claims::<std::ffi::CString>(codec);
        claims::<Vec<()>>(codec);
        claims::<Vec<u64>>(codec);
        claims::<Vec<String>>(codec);
        claims::<Box<[[u64; 32]]>>(codec);
        claims::<VecDeque<u64>>(codec);
        claims::<LinkedList<()>>(codec);
        claims::<BinaryHeap<u64>>(codec);
        claims::<HashMap<u64, u64>>(codec);
        claims::<HashMap<(), ()>>(codec);
        claims::<BTreeMap<(), ()>>(codec);
        claims::<BTreeSet<()>>(codec);
        claims::<HashSet<()>>(codec);
    }

    fn lengths_within_the_allowance_still_run_out_of_bytes(codec) {
        let mut bytes = number(codec, 1 << 16);
        bytes.extend_from_slice(&[1; 9]);
        let why = decode::<Vec<u32>>(codec, &bytes).unwrap_err().to_string();
        assert!(why.ends_with("too few"), "{why}");
    }

    fn nesting_ends_before_the_stack_does(codec) {
        let ones = vec![1; 1_000_000];
        let deep = "values nest more than 128 deep";
        assert_eq!(decode::<Node>(codec, &ones).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Wrapped>(codec, &ones).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Lists>(codec, &ones).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Maps>(codec, &ones).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Expression>(codec, &ones).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Expression>(codec, &vec![3; 1_000_000]).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Expression>(codec, &[2, 1].repeat(500_000)).unwrap_err().to_string(), deep);
        assert_eq!(decode::<Endless>(codec, &[]).unwrap_err().to_string(), deep);
    }

    fn elements_of_size_zero_are_counted_over_all_sequences(codec) {
        // a million sequences of 250 nothings each, in a megabyte
        let mut bytes = number(codec, 1_000_000);
        bytes.extend(std::iter::repeat_n(100, 1_000_000));
        let why = decode::<Vec<Vec<()>>>(codec, &bytes).unwrap_err().to_string();
        assert!(why.contains("65536 elements that take no bytes") || why.contains("100 elements are announced"), "{why}");
    }

    fn memory_is_set_aside_for_the_bytes_that_are_there(codec) {
        let bytes = number(codec, 1000);
        assert_eq!(decode::<Hint>(codec, &bytes).unwrap().0, 0);
        let tail = decode::<(Hint, [u8; 16])>(codec, &[&bytes[..], &[0; 16]].concat()).unwrap();
        assert_eq!(tail.0.0, 16);
    }

    fn elements_that_nobody_takes_are_an_error(codec) {
        decode::<Picky>(codec, &[1, 7]).unwrap_or_else(|why| panic!("{why}"));
        let why = decode::<Picky>(codec, &[3, 7, 7, 7]).map(|_| ()).unwrap_err();
        assert_eq!(why.to_string(), "2 elements more than the type takes");
    }
}
