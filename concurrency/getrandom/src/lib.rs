//! Stands in for `getrandom`: what is drawn belongs to the schedule, so that it is drawn again when the schedule is run again.

use shuttle::rand::{RngCore, thread_rng};
use std::convert::Infallible;

/// Fills the bytes with random ones.
pub fn fill(bytes: &mut [u8]) -> Result<(), Infallible> {
    thread_rng().fill_bytes(bytes);
    Ok(())
}

/// A random number.
pub fn u64() -> Result<u64, Infallible> {
    Ok(thread_rng().next_u64())
}
