//! What sessions of different clients share without a lock, named in one place: the standard library's, unless a model checker
//! goes through all orders (`concurrency/cells`).

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
