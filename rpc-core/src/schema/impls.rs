//! The types of `std` that serde knows: leaves, collections, tuples, arrays.
//!
//! Left out: the `Weak` pointers, which arrive empty.
// These are types that cross the wire, not state of an engine.
#![allow(clippy::disallowed_types)]

use super::{Content, Node, NodeId, Schema, Types};
use crate::service::{Fallible, Plain};
use bytes::{Bytes, BytesMut};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsStr, OsString};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

macro_rules! leaves {
    ($($type:ty = $name:literal)*) => {
        /// The names of the types without parts.
        pub const LEAVES: &[&str] = &[$($name),*];

        $(
        impl Schema for $type {
            type Kind = Plain;

            fn describe(types: &mut Types) -> NodeId {
                types.leaf($name)
            }
        }
    )* };
}
// `usize` travels as `u64`.
leaves! {
    () = "()"
    bool = "bool" char = "char" String = "String"
    u8 = "u8" u16 = "u16" u32 = "u32" u64 = "u64" u128 = "u128" usize = "u64"
    i8 = "i8" i16 = "i16" i32 = "i32" i64 = "i64" i128 = "i128" isize = "i64"
    f32 = "f32" f64 = "f64"
    std::num::NonZeroU8 = "NonZeroU8" std::num::NonZeroU16 = "NonZeroU16" std::num::NonZeroU32 = "NonZeroU32"
    std::num::NonZeroU64 = "NonZeroU64" std::num::NonZeroU128 = "NonZeroU128" std::num::NonZeroUsize = "NonZeroU64"
    std::num::NonZeroI8 = "NonZeroI8" std::num::NonZeroI16 = "NonZeroI16" std::num::NonZeroI32 = "NonZeroI32"
    std::num::NonZeroI64 = "NonZeroI64" std::num::NonZeroI128 = "NonZeroI128" std::num::NonZeroIsize = "NonZeroI64"
    std::time::Duration = "Duration" std::time::SystemTime = "SystemTime"
    std::net::IpAddr = "IpAddr" std::net::Ipv4Addr = "Ipv4Addr" std::net::Ipv6Addr = "Ipv6Addr"
    std::net::SocketAddr = "SocketAddr" std::net::SocketAddrV4 = "SocketAddrV4" std::net::SocketAddrV6 = "SocketAddrV6"
    CString = "CString" Box<std::ffi::CStr> = "CString"
    PathBuf = "PathBuf" Box<Path> = "PathBuf"
}

/// A description under which types that look alike on the wire are one.
macro_rules! like {
    ($([$($generics:tt)*] $type:ty => $other:ty;)*) => { $(
        impl<$($generics)*> Schema for $type {
            type Kind = Plain;

            fn describe(types: &mut Types) -> NodeId {
                <$other as Schema>::describe(types)
            }
        }
    )* };
}
like! {
    [] Box<str> => String;
    [] Bytes => Vec<u8>;
    [] BytesMut => Vec<u8>;
    [] Box<OsStr> => OsString;
    [T: ?Sized + 'static] PhantomData<T> => ();
    [T: Schema] Box<[T]> => Vec<T>;
    [T: Schema] VecDeque<T> => Vec<T>;
    [T: Schema] LinkedList<T> => Vec<T>;
    [T: Schema + Ord] BTreeSet<T> => Vec<T>;
    [T: Schema + Ord] BinaryHeap<T> => Vec<T>;
    [T: Schema + Eq + Hash, S: BuildHasher + Default + 'static] HashSet<T, S> => Vec<T>;
}

/// One of the other platform's is written in another way and cannot be read: that value fails, in that call.
impl Schema for OsString {
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        types.composite(TypeId::of::<Self>(), &|types| {
            let unix = Content::Tuple(vec![<Vec<u8>>::describe(types)]);
            let windows = Content::Tuple(vec![<Vec<u16>>::describe(types)]);
            let variants = vec![("Unix".into(), unix), ("Windows".into(), windows)];
            Node::Enum { name: "OsString".into(), variants }
        })
    }
}

impl<T: Schema> Schema for Vec<T> {
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        types.composite(TypeId::of::<Self>(), &|types| Node::Seq(T::describe(types)))
    }
}

impl<T: Schema> Schema for Option<T> {
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        types.composite(TypeId::of::<Self>(), &|types| Node::Option(T::describe(types)))
    }
}

/// The one key of all maps with these keys and values.
fn map<K: Schema, V: Schema>(types: &mut Types) -> NodeId {
    types.composite(TypeId::of::<PhantomData<(K, V)>>(), &|types| {
        let key = K::describe(types);
        Node::Map(key, V::describe(types))
    })
}

impl<K: Schema + Ord, V: Schema> Schema for BTreeMap<K, V> {
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        map::<K, V>(types)
    }
}

impl<K: Schema + Eq + Hash, V: Schema, S: BuildHasher + Default + 'static> Schema for HashMap<K, V, S> {
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        map::<K, V>(types)
    }
}

impl<T: Schema, E: Schema> Schema for Result<T, E> {
    type Kind = Fallible;

    fn describe(types: &mut Types) -> NodeId {
        types.composite(TypeId::of::<Self>(), &|types| {
            let ok = T::describe(types);
            Node::Result(ok, E::describe(types))
        })
    }
}

// serde has no impl for arrays of any length.
macro_rules! arrays {
    ($($length:literal)*) => { $(
        impl<T: Schema> Schema for [T; $length] {
            type Kind = Plain;

            fn describe(types: &mut Types) -> NodeId {
                types.composite(TypeId::of::<Self>(), &|types| Node::Array(T::describe(types), $length))
            }
        }
    )* };
}
arrays! { 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 }

macro_rules! tuples {
    ($($($part:ident)+;)*) => { $(
        impl<$($part: Schema),+> Schema for ($($part,)+) {
            type Kind = Plain;

            fn describe(types: &mut Types) -> NodeId {
                types.tuple(TypeId::of::<Self>(), &[$($part::describe),+])
            }
        }
    )* };
}
tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
    A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N;
    A B C D E F G H I J K L M N O;
    A B C D E F G H I J K L M N O P;
}
