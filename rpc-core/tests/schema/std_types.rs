//! The types of `std`: alike where they look alike on the wire, different where they do not.

use crate::{compare, same, with};
use bytes::{Bytes, BytesMut};
use rpc_core::schema::Schema;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI8, NonZeroU32, NonZeroU64, NonZeroUsize, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

fn alike<A: Schema, B: Schema>() {
    same::<A, B>();
    assert_eq!(with::<A>().fingerprint(), with::<B>().fingerprint());
}

fn unlike<A: Schema, B: Schema>() {
    assert!(compare::<A, B>().is_some(), "{} and {}", std::any::type_name::<A>(), std::any::type_name::<B>());
}

#[test]
fn sequences_look_alike() {
    alike::<Vec<u16>, VecDeque<u16>>();
    alike::<Vec<u16>, LinkedList<u16>>();
    alike::<Vec<u16>, BTreeSet<u16>>();
    alike::<Vec<u16>, HashSet<u16>>();
    alike::<Vec<u16>, BinaryHeap<u16>>();
    alike::<Vec<u16>, Box<[u16]>>();
    alike::<Vec<u16>, Arc<[u16]>>();
    alike::<Vec<u16>, Rc<[u16]>>();
    alike::<Vec<u16>, Cow<'static, [u16]>>();
    alike::<Vec<u8>, Bytes>();
    alike::<Bytes, BytesMut>();
    alike::<(Vec<u8>, Vec<u8>), (Bytes, VecDeque<u8>)>();
    unlike::<Vec<u16>, Vec<i16>>();
    unlike::<Vec<u16>, [u16; 3]>();
    unlike::<Vec<u16>, Option<u16>>();
}

#[test]
fn maps_look_alike() {
    alike::<BTreeMap<u8, String>, HashMap<u8, String>>();
    unlike::<BTreeMap<u8, String>, Vec<(u8, String)>>();
}

#[test]
fn texts_look_alike() {
    alike::<String, Box<str>>();
    alike::<String, Arc<str>>();
    alike::<String, Rc<str>>();
    alike::<String, Cow<'static, str>>();
    alike::<PathBuf, Box<Path>>();
    alike::<PathBuf, Rc<Path>>();
    alike::<PathBuf, Arc<Path>>();
    alike::<PathBuf, Cow<'static, Path>>();
    alike::<CString, Box<CStr>>();
    alike::<CString, Rc<CStr>>();
    alike::<CString, Arc<CStr>>();
    alike::<OsString, Box<OsStr>>();
    alike::<OsString, Rc<OsStr>>();
    alike::<OsString, Arc<OsStr>>();
    unlike::<String, OsString>();
    unlike::<String, PathBuf>();
    unlike::<String, CString>();
    unlike::<String, char>();
}

#[test]
fn pointers_cells_and_wrappers_are_what_they_hold() {
    alike::<u8, Box<u8>>();
    alike::<u8, Rc<u8>>();
    alike::<u8, Arc<Box<u8>>>();
    alike::<u8, Cell<u8>>();
    alike::<u8, RefCell<u8>>();
    alike::<u8, Mutex<u8>>();
    alike::<u8, RwLock<u8>>();
    alike::<u8, Wrapping<u8>>();
    alike::<u8, Saturating<u8>>();
    alike::<u8, Reverse<u8>>();
    alike::<bool, AtomicBool>();
    alike::<u64, AtomicU64>();
}

#[test]
fn numbers_of_different_kinds_differ() {
    alike::<usize, u64>();
    alike::<isize, i64>();
    alike::<NonZeroUsize, NonZeroU64>();
    unlike::<u32, NonZeroU32>();
    unlike::<i8, NonZeroI8>();
    unlike::<u32, f32>();
    unlike::<u128, i128>();
}

#[test]
fn times_and_addresses_differ() {
    unlike::<Duration, SystemTime>();
    unlike::<Ipv4Addr, Ipv6Addr>();
    unlike::<IpAddr, Ipv4Addr>();
    unlike::<SocketAddr, IpAddr>();
    unlike::<SocketAddrV4, SocketAddrV6>();
}

#[test]
fn a_range_with_its_end_is_none_without() {
    unlike::<Range<u8>, RangeInclusive<u8>>();
    unlike::<Range<u8>, RangeFrom<u8>>();
    unlike::<RangeFrom<u8>, RangeTo<u8>>();
    unlike::<Bound<u8>, Option<u8>>();
    unlike::<Range<u8>, Range<u16>>();
}

#[test]
fn what_holds_nothing_looks_alike() {
    alike::<(), PhantomData<str>>();
    unlike::<(), u8>();
    unlike::<[u8; 0], [u8; 1]>();
}

#[test]
fn tuples_and_arrays_are_described_up_to_the_length_that_serde_knows() {
    type Sixteen = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);
    alike::<Sixteen, Sixteen>();
    alike::<[u8; 32], [u8; 32]>();
    unlike::<(u8, u8), (u8, u8, u8)>();
}
