//! Any bytes as values of many types, in both codecs and within many bounds: read or refused, with little memory, and what was
//! read is written in one way only, the codec's own.

use crate::Target;
use crate::input::Input;
use bytes::Bytes;
use rpc_core::Limits;
use rpc_core::codec::{CodecId, Coding, Decoder, Encoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, LinkedList, VecDeque};
use std::num::{NonZeroU16, NonZeroU64};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Values.
pub const TARGET: Target = Target { name: "codec", run, memory: |length| (16 << 20) + 512 * length };

#[derive(Debug, PartialEq, Serialize, Deserialize)]
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
    Nothings(Vec<()>),
    Floats(f32, f64),
}

#[derive(Debug, Serialize, Deserialize)]
struct Lists(Vec<Lists>);
#[derive(Debug, Serialize, Deserialize)]
struct Maps(BTreeMap<u8, Maps>);
#[derive(Debug, Serialize, Deserialize)]
struct Wrapped(Option<Box<Wrapped>>);
#[derive(Debug, Serialize, Deserialize)]
struct Tree {
    name: String,
    left: Option<Box<Tree>>,
    right: Option<Box<Tree>>,
    more: [u8; 3],
}
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Unit;
#[derive(Debug, Serialize, Deserialize)]
struct Mixed {
    unit: Unit,
    numbers: (u8, i8, u16, i16, u32, i32, u64, i64, u128, i128),
    floats: (f32, f64),
    text: std::borrow::Cow<'static, str>,
    one: Option<NonZeroU16>,
    time: (Duration, SystemTime),
}

type Read = fn(&[u8], Coding);

/// What bytes are read as. New ones at the end: inputs name them by their place.
const TYPES: &[Read] = &[
    exact::<Value>,
    exact::<Lists>,
    exact::<Maps>,
    exact::<Wrapped>,
    exact::<Tree>,
    exact::<Mixed>,
    exact::<Vec<()>>,
    exact::<Vec<Vec<()>>>,
    exact::<BTreeMap<(), ()>>,
    exact::<LinkedList<Unit>>,
    exact::<Vec<[u64; 0]>>,
    exact::<Option<Option<()>>>,
    exact::<Vec<u8>>,
    exact::<Bytes>,
    exact::<(Bytes, Vec<u8>, Box<str>)>,
    exact::<String>,
    exact::<Vec<String>>,
    exact::<Vec<(u8, String)>>,
    exact::<[u32; 5]>,
    exact::<Box<[[u64; 8]]>>,
    exact::<VecDeque<Option<i128>>>,
    exact::<BTreeSet<Unit>>,
    exact::<BTreeMap<String, Vec<u64>>>,
    exact::<BTreeMap<u8, BTreeMap<i8, ()>>>,
    exact::<(u128, i16, char, bool, f32)>,
    exact::<(std::net::SocketAddr, std::net::IpAddr)>,
    exact::<std::ffi::CString>,
    exact::<Result<Rc<str>, NonZeroU64>>,
    exact::<Result<Vec<Value>, Box<Value>>>,
    exact::<std::ops::Range<i64>>,
    // Their order, or which of two equal keys stays, is not that of the bytes.
    loose::<HashMap<String, Vec<u64>>>,
    loose::<HashMap<(), ()>>,
    loose::<BinaryHeap<u16>>,
];

fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let codec = input.pick(&[CodecId::Bincode, *CodecId::AVAILABLE.last().unwrap_or(&CodecId::Bincode)]);
    let nesting = input.pick(&[128, 1, 2, 5, 30, 512]);
    let nothings = input.pick(&[1 << 16, 0, 3, 1 << 10]);
    let limits = Limits::default().nesting_max(nesting).zero_sized_max(nothings);
    let coding = Coding::new(codec, &limits);
    let which = input.byte();
    match which {
        255 => arguments(input.rest(), coding),
        which => TYPES[usize::from(which) % TYPES.len()](input.rest(), coding),
    }
}

/// What was read is written in one way, and that is how the codec itself writes it.
fn exact<T: Serialize + DeserializeOwned + 'static>(bytes: &[u8], coding: Coding) {
    if let Some((value, written)) = survives::<T>(bytes, coding) {
        let own = match coding.codec {
            CodecId::Bincode => {
                bincode::serde::encode_to_vec(&value, bincode::config::standard()).expect("it was written")
            }
            _ => postcard::to_stdvec(&value).expect("it was written"),
        };
        assert_eq!(own, written, "the codec writes it in another way");
    }
}

fn loose<T: Serialize + DeserializeOwned + 'static>(bytes: &[u8], coding: Coding) {
    survives::<T>(bytes, coding);
}

/// The value, if it is one, and how it is written: what is written is read as the same. As a whole and as a part.
fn survives<T: Serialize + DeserializeOwned + 'static>(bytes: &[u8], coding: Coding) -> Option<(T, Vec<u8>)> {
    let shared = Bytes::copy_from_slice(bytes);
    let (mut plain, mut lent) = (Decoder::new(bytes, coding), Decoder::shared(&shared, coding));
    let (value, other) = (plain.value::<T>(), lent.value::<T>());
    assert_eq!(value.is_ok(), other.is_ok(), "whether the payload is shared makes a difference");
    let (left, left_too) = (plain.end(), lent.end());
    assert_eq!(left, left_too);
    if let Err(why) = &value {
        assert!(why.to_string().len() <= rpc_core::limits::TEXT_MAX);
    }
    let value = value.ok()?;
    let written = write(&value, coding);
    assert_eq!(write(&other.ok()?, coding).len(), written.len());
    let mut from = Decoder::new(&written, coding);
    let again: T = from.value().expect("it was written here");
    from.end().expect("nothing else was written");
    let twice = write(&again, coding);
    assert_eq!(twice.len(), written.len(), "it is not the same when it is written again");
    Some((value, written))
}

/// Whatever can be read can be written within the same bounds.
fn write<T: Serialize + 'static>(value: &T, coding: Coding) -> Vec<u8> {
    let mut out = vec![9];
    Encoder::new(&mut out, coding).value(value).expect("it was read within these bounds");
    out.remove(0);
    out
}

/// Several values in one payload: where one ends the next begins.
fn arguments(bytes: &[u8], coding: Coding) {
    let mut from = Decoder::new(bytes, coding);
    let mut out = Vec::new();
    while let Ok(tag) = from.value::<u8>() {
        let mut to = Encoder::new(&mut out, coding);
        to.value(&tag).expect("a number");
        let read = match tag % 6 {
            0 => from.value::<Value>().map(|value| to.value(&value)),
            1 => from.str().map(|text| to.str(text)),
            2 => from.bytes().map(|block| to.bytes(block)),
            3 => from.value::<Vec<Vec<()>>>().map(|value| to.value(&value)),
            4 => from.plain::<(Mixed, &str)>().map(|value| to.plain(&value)),
            _ => from.value::<Option<Tree>>().map(|value| to.plain(&value)),
        };
        let Ok(written) = read else { return };
        // Each alone keeps the bounds; all together may hold more that takes no bytes.
        if written.is_err() {
            return;
        }
    }
    let mut from = Decoder::new(&out, coding);
    while let Ok(tag) = from.value::<u8>() {
        let read = match tag % 6 {
            0 => from.value::<Value>().map(|_| ()),
            1 => from.str().map(|_| ()),
            2 => from.bytes().map(|_| ()),
            3 => from.value::<Vec<Vec<()>>>().map(|_| ()),
            4 => from.plain::<(Mixed, &str)>().map(|_| ()),
            _ => from.value::<Option<Tree>>().map(|_| ()),
        };
        read.expect("it was written here");
    }
    from.end().expect("nothing else was written");
}
