//! What is refused, and in which words.

use crate::{decode, encode, number};
use rpc_core::codec::{Coding, Decoder, Encoder};
use rpc_core::limits::{Limits, NESTING_MOST};
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

/// The defaults of [`Limits::nesting_max`] and [`Limits::zero_sized_max`].
const DEEPEST: usize = 128;
const EMPTY_ONES: usize = 1 << 16;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    next: Option<Box<Node>>,
}

impl Node {
    fn chain(length: usize) -> Node {
        (1..length).fold(Node::default(), |next, _| Node { next: Some(Box::new(next)) })
    }
}

#[derive(Serialize, Deserialize, Debug)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u8>,
    b: u8,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
}

struct Failing;
impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("the hall is closed"))
    }
}

struct Announces(Option<usize>, u8);
impl Serialize for Announces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        (0..self.1).try_for_each(|n| seq.serialize_element(&n))?;
        seq.end()
    }
}

suite! {
    fn what_may_just_be_sent_may_just_be_read(codec) {
        // a node is two levels: the structure, and its option
        let deepest = Node::chain(DEEPEST / 2);
        let bytes = encode(codec, &deepest).unwrap();
        assert_eq!(decode::<Node>(codec, &bytes).unwrap(), deepest);
        let refused = encode(codec, &Node::chain(DEEPEST / 2 + 1)).unwrap_err();
        assert_eq!(refused.to_string(), "values nest more than 128 deep");
        let deeper = [&[1], &bytes[..]].concat();
        assert_eq!(decode::<Node>(codec, &deeper).unwrap_err().to_string(), "values nest more than 128 deep");
    }

    fn the_deepest_values_that_can_be_allowed_fit_on_the_stack_of_a_worker(codec) {
        let deepest = move || {
            let coding = Coding::new(codec, &Limits::default().nesting_max(usize::MAX));
            let mut bytes = Vec::new();
            Encoder::new(&mut bytes, coding).value(&Node::chain(NESTING_MOST / 2)).unwrap();
            assert!(Encoder::new(&mut bytes, coding).value(&Node::chain(NESTING_MOST / 2 + 1)).is_err());
            assert!(Decoder::new(&bytes, codec).value::<Node>().is_err(), "more than the default");
            Decoder::new(&bytes, coding).value::<Node>().unwrap();
        };
        // Half of what tokio gives its workers: the call stands somewhere on the stack already.
        std::thread::Builder::new().stack_size(1 << 20).spawn(deepest).unwrap().join().unwrap();
    }

    fn what_is_set_is_what_bounds(codec) {
        let coding = Coding::new(codec, &Limits::default().nesting_max(4).zero_sized_max(10));
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, coding);
        encoder.value(&Node::chain(2)).unwrap();
        assert_eq!(encoder.value(&Node::chain(3)).unwrap_err().to_string(), "values nest more than 4 deep");
        encoder.value(&vec![(); 10]).unwrap();
        let refused = encoder.value(&vec![(); 1]).unwrap_err();
        assert_eq!(refused.to_string(), "more than 10 elements that take no bytes");

        let deep = encode(codec, &Node::chain(3)).unwrap();
        let refused = Decoder::new(&deep, coding).value::<Node>().unwrap_err();
        assert_eq!(refused.to_string(), "values nest more than 4 deep");
        let many = encode(codec, &vec![(); 11]).unwrap();
        assert!(Decoder::new(&many, coding).value::<Vec<()>>().is_err());
    }

    fn as_many_elements_of_size_zero_are_sent_as_are_read(codec) {
        let most = vec![vec![(); EMPTY_ONES / 2]; 2];
        let bytes = encode(codec, &most).unwrap();
        assert_eq!(decode::<Vec<Vec<()>>>(codec, &bytes).unwrap(), most);
        let refused = encode(codec, &vec![(); EMPTY_ONES + 1]).unwrap_err();
        assert_eq!(refused.to_string(), "more than 65536 elements that take no bytes");
    }

    fn the_allowance_is_that_of_the_whole_message(codec) {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, codec);
        encoder.value(&vec![(); EMPTY_ONES]).unwrap();
        assert!(encoder.value(&vec![(); 1]).is_err());
        let mut twice = out.clone();
        twice.extend_from_slice(&out);
        let mut from = Decoder::new(&twice, codec);
        assert_eq!(from.value::<Vec<()>>().unwrap().len(), EMPTY_ONES);
        assert!(from.value::<Vec<()>>().is_err());
    }

    fn fields_that_are_left_out_are_refused_by_name(codec) {
        encode(codec, &Skipping { a: Some(1), b: 1 }).unwrap();
        let refused = encode(codec, &Skipping { a: None, b: 1 }).unwrap_err().to_string();
        assert!(refused.starts_with("the field `a` is left out"), "{refused}");
    }

    fn types_that_ask_the_bytes_for_their_structure_are_told_so(codec) {
        let bytes = encode(codec, &Untagged::Number(1)).unwrap();
        let refused = decode::<Untagged>(codec, &bytes).unwrap_err().to_string();
        assert!(refused.contains("untagged"), "{refused}");
    }

    fn a_types_own_words_are_kept(codec) {
        assert_eq!(encode(codec, &Failing).unwrap_err().to_string(), "the hall is closed");
        let refused = decode::<std::num::NonZeroU8>(codec, &[0]).unwrap_err().to_string();
        assert_eq!(refused, "invalid value: integer `0`, expected a nonzero u8");
    }

    fn a_variant_that_is_not_known_is_named_with_its_enum(codec) {
        let refused = decode::<Result<u8, u8>>(codec, &[7, 0]).unwrap_err().to_string();
        assert_eq!(refused, "Result has no variant with index 7: the side that reads knows 2 variants, the side that wrote is likely newer");
    }

    fn a_sequence_has_as_many_elements_as_it_announces(codec) {
        encode(codec, &Announces(Some(2), 2)).unwrap();
        assert!(encode(codec, &Announces(Some(3), 2)).unwrap_err().to_string().contains("fewer"));
        assert!(encode(codec, &Announces(Some(1), 2)).unwrap_err().to_string().contains("more"));
        assert!(encode(codec, &Announces(None, 2)).unwrap_err().to_string().contains("length"));
    }

    fn a_value_that_is_refused_leaves_nothing_behind(codec) {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, codec);
        encoder.value(&1u8).unwrap();
        encoder.value(&("written", 7u8, vec![Some(Failing)])).unwrap_err();
        encoder.value(&2u8).unwrap();
        assert_eq!(out, [1, 2]);
    }

    fn bytes_too_few_and_too_many_are_counted(codec) {
        let bytes = encode(codec, &(1u8, 1.0f64)).unwrap();
        assert!(decode::<(u8, f64)>(codec, &bytes[..5]).unwrap_err().to_string().ends_with("bytes too few"));
        let longer = [&bytes[..], &[0, 0]].concat();
        assert_eq!(decode::<(u8, f64)>(codec, &longer).unwrap_err().to_string(), "2 bytes too many");
        assert_eq!(decode::<u8>(codec, &[1, 2]).unwrap_err().to_string(), "1 byte too many");
    }

    fn scalars_that_cannot_be_are_refused(codec) {
        assert!(decode::<bool>(codec, &[2]).is_err());
        assert!(decode::<char>(codec, &[0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(decode::<u8>(codec, &[]).is_err());
        assert!(decode::<u16>(codec, &number(codec, 1 << 20)).is_err());
        let refused = decode::<Option<u8>>(codec, &[2, 0]).unwrap_err().to_string();
        assert_eq!(refused, "invalid value: integer `2`, expected 0 or 1 for an option");
        let refused = decode::<String>(codec, &[2, 0xc3, 0x28]).unwrap_err().to_string();
        assert!(refused.starts_with("a text is not UTF-8"), "{refused}");
    }
}
