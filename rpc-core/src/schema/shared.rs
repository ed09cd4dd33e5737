//! Pointers, cells and wrappers: on the wire they are what they hold.
// These are types that cross the wire, not state of an engine.
#![allow(clippy::disallowed_types)]

use super::{NodeId, Schema, Types};
use crate::service::Plain;
use serde::Serialize;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::num::{Saturating, Wrapping};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

macro_rules! through {
    ($([$($generics:tt)*] $type:ty => $inner:ty;)*) => { $(
        impl<$($generics)*> Schema for $type {
            type Kind = Plain;

            fn describe(types: &mut Types) -> NodeId {
                <$inner as Schema>::describe(types)
            }
        }
    )* };
}
through! {
    [T: Schema] Box<T> => T;
    [T: Schema] Rc<T> => T;
    [T: Schema] Arc<T> => T;
    [T: Schema] Rc<[T]> => Vec<T>;
    [T: Schema] Arc<[T]> => Vec<T>;
    [] Rc<str> => String;
    [] Arc<str> => String;
    [] Rc<Path> => PathBuf;
    [] Arc<Path> => PathBuf;
    [] Rc<CStr> => CString;
    [] Arc<CStr> => CString;
    [] Rc<OsStr> => OsString;
    [] Arc<OsStr> => OsString;
    [T: Schema + Copy] Cell<T> => T;
    [T: Schema] RefCell<T> => T;
    [T: Schema] Mutex<T> => T;
    [T: Schema] RwLock<T> => T;
    [T: Schema] Wrapping<T> => T;
    [T: Schema] Reverse<T> => T;
}

impl<T> Schema for Cow<'static, T>
where
    T: ?Sized + ToOwned + Serialize,
    T::Owned: Schema,
{
    type Kind = Plain;

    fn describe(types: &mut Types) -> NodeId {
        T::Owned::describe(types)
    }
}

macro_rules! saturating {
    ($($number:ty)*) => { through! { $( [] Saturating<$number> => $number; )* } };
}
saturating! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

macro_rules! atomics {
    ($($atomic:ident $plain:ty)*) => { through! { $( [] std::sync::atomic::$atomic => $plain; )* } };
}
atomics! {
    AtomicBool bool AtomicU8 u8 AtomicU16 u16 AtomicU32 u32 AtomicUsize usize
    AtomicI8 i8 AtomicI16 i16 AtomicI32 i32 AtomicIsize isize
}
#[cfg(target_has_atomic = "64")]
atomics! { AtomicU64 u64 AtomicI64 i64 }
