//! Values of all kinds survive, and look as the codec crate itself writes them.

use crate::{bare, decode, encode};
use rpc_core::codec::CodecId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::CString;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8, NonZeroU64, NonZeroUsize, Saturating, Wrapping};
use std::ops::Bound;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(codec: CodecId, value: T) {
    let bytes = encode(codec, &value).unwrap();
    assert_eq!(bytes, bare(codec, &value), "{value:?} looks different");
    assert_eq!(decode::<T>(codec, &bytes).unwrap(), value);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Unit;
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(f64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tuple(u8, String, Option<i16>);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    r#type: u8,
    inner: Newtype,
    list: Vec<Tuple>,
    unit: Unit,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Nothing,
    One(u64),
    Two(i8, char),
    Some { name: String, inside: Option<Box<Choice>> },
    Empty {},
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Generic<'a, T> {
    text: Cow<'a, str>,
    value: T,
}

suite! {
    fn integers_survive_at_their_limits(codec) {
        survives(codec, (u8::MIN, u8::MAX, i8::MIN, i8::MAX));
        survives(codec, (u16::MIN, u16::MAX, i16::MIN, i16::MAX));
        survives(codec, (u32::MIN, u32::MAX, i32::MIN, i32::MAX));
        survives(codec, (u64::MIN, u64::MAX, i64::MIN, i64::MAX));
        survives(codec, (u128::MIN, u128::MAX, i128::MIN, i128::MAX));
        survives(codec, (usize::MIN, usize::MAX, isize::MIN, isize::MAX));
        for shift in 0..128 {
            survives(codec, (1u128 << shift, -(1i128 << shift.min(126)), (1u64 << (shift % 64)), 250u64 + shift as u64));
        }
    }

    fn floats_survive(codec) {
        survives(codec, (f32::MIN_POSITIVE, f32::INFINITY, -0.0f32, f64::MAX, f64::NEG_INFINITY, f64::EPSILON));
        let nan = decode::<f64>(codec, &encode(codec, &f64::NAN).unwrap()).unwrap();
        assert!(nan.is_nan());
    }

    fn scalars_and_texts_survive(codec) {
        survives(codec, (true, false, 'a', 'ß', '€', '😀'));
        survives(codec, (String::new(), "Grüße".to_owned(), "x".repeat(300)));
        survives(codec, ());
        survives::<Box<str>>(codec, "box".into());
        survives::<Arc<str>>(codec, "arc".into());
        survives::<Cow<'static, str>>(codec, "cow".into());
        survives(codec, CString::new("c").unwrap());
        survives(codec, PathBuf::from("/a/b"));
    }

    fn structures_survive(codec) {
        survives(codec, Unit);
        survives(codec, Newtype(1.5));
        let tuple = Tuple(7, "seven".into(), Some(-7));
        survives(codec, tuple.clone());
        survives(codec, Named { r#type: 1, inner: Newtype(2.0), list: vec![tuple.clone(), tuple], unit: Unit });
        survives(codec, Generic { text: "t".into(), value: Generic { text: "u".into(), value: PhantomData::<u8> } });
    }

    fn enums_survive(codec) {
        let inside = Choice::Some { name: "in".into(), inside: Some(Box::new(Choice::Two(-1, 'x'))) };
        for choice in [Choice::Nothing, Choice::One(1 << 40), Choice::Two(1, 'y'), Choice::Empty {}, inside] {
            survives(codec, choice.clone());
            survives::<Result<Choice, Choice>>(codec, Ok(choice.clone()));
            survives::<Result<u8, Choice>>(codec, Err(choice));
        }
    }

    fn options_survive_nested(codec) {
        survives::<Vec<Option<Option<Option<u8>>>>>(codec, vec![None, Some(None), Some(Some(None)), Some(Some(Some(9)))]);
        survives::<Option<()>>(codec, Some(()));
        survives::<Option<Vec<u8>>>(codec, Some(vec![1, 2, 3]));
    }

    fn collections_survive(codec) {
        survives(codec, Vec::<u32>::new());
        survives(codec, (0..1000).collect::<Vec<i32>>());
        survives(codec, vec![vec!["a".to_owned()], vec![]]);
        survives(codec, VecDeque::from([1u8, 2]));
        survives(codec, LinkedList::from([1u8, 2]));
        survives(codec, BTreeSet::from([3, 1]));
        survives(codec, HashSet::from([3]));
        survives(codec, BTreeMap::from([("k".to_owned(), vec![1]), ("l".to_owned(), vec![])]));
        survives(codec, HashMap::from([(1u8, "one".to_owned())]));
        survives::<Box<[u16]>>(codec, Box::new([1, 2]));
        survives::<Arc<[u16]>>(codec, Arc::new([1, 2]));
        survives::<Rc<[u16]>>(codec, Rc::new([1, 2]));
        let heap = BinaryHeap::from([2, 9, 4]);
        let back: BinaryHeap<i32> = decode(codec, &encode(codec, &heap).unwrap()).unwrap();
        assert_eq!(back.into_sorted_vec(), [2, 4, 9]);
    }

    fn arrays_and_tuples_survive(codec) {
        survives(codec, [0u8; 0]);
        survives(codec, [[1u16; 32]; 32]);
        survives(codec, (1u8, 2u16, 3u32, 4u64, 5i8, 6i16, 7i32, 8i64, 'i', "j".to_owned(), true, (12,)));
    }

    fn elements_of_size_zero_survive(codec) {
        survives(codec, vec![(); 1000]);
        survives(codec, BTreeMap::from([((), Unit)]));
        survives(codec, HashMap::from([((), ())]));
        survives(codec, vec![PhantomData::<u8>; 3]);
        survives(codec, (vec![Unit; 5], vec![[(); 4]; 7], 1u8));
        survives(codec, vec![vec![(); 3]; 3]);
    }

    fn wrappers_survive(codec) {
        survives(codec, (Box::new(1u8), Rc::new(2u8), Arc::new(3u8), Cell::new(4u8), RefCell::new(5u8)));
        survives(codec, (Wrapping(6u8), Saturating(7u8), Reverse(8u8)));
        survives(codec, (NonZeroU8::MAX, NonZeroU64::MIN, NonZeroI128::MIN, NonZeroUsize::MAX));
        survives::<Cow<'static, [u8]>>(codec, Cow::Owned(vec![1, 2]));
        let locked = (Mutex::new(1u16), RwLock::new(2u16), AtomicU32::new(3));
        let back: (Mutex<u16>, RwLock<u16>, AtomicU32) = decode(codec, &encode(codec, &locked).unwrap()).unwrap();
        assert_eq!((*back.0.lock().unwrap(), *back.1.read().unwrap(), back.2.load(Ordering::Relaxed)), (1, 2, 3));
    }

    fn times_survive(codec) {
        survives(codec, (Duration::ZERO, Duration::MAX, Duration::new(1, 999_999_999)));
        survives(codec, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123));
    }

    fn addresses_survive(codec) {
        survives(codec, (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST));
        survives(codec, (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::UNSPECIFIED)));
        survives::<(SocketAddr, SocketAddr)>(codec, ("10.0.0.7:7000".parse().unwrap(), "[::1]:80".parse().unwrap()));
    }

    fn ranges_survive(codec) {
        survives(codec, (1u8..2, 3u8..=4, 5u8.., ..6u8));
        survives(codec, [Bound::Unbounded, Bound::Included(1u8), Bound::Excluded(2)]);
    }
}
