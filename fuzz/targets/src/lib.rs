//! One module a fuzz target: what is done with the fuzzer's bytes, and what must hold whatever they are.
//!
//! No fuzzer in here: `fuzz/` runs these under libFuzzer, and `rpc-core/tests/fuzzed.rs` runs them with the inputs that
//! are kept. What must not be is a panic.

mod frames;
mod input;

pub mod client_engine;
pub mod codec;
pub mod engines;
pub mod frame;
pub mod schema;
pub mod server_engine;

// The wire and the clock that the tests of the engines have.
#[path = "../../../rpc-core/tests/support/mod.rs"]
mod support;

/// A fuzz target.
pub struct Target {
    /// Its name, and that of its folders of inputs.
    pub name: &'static str,
    /// Does it. Panics if something does not hold.
    pub run: fn(&[u8]),
    /// The most bytes of memory that an input of so many bytes may take.
    pub memory: fn(usize) -> usize,
}

/// All of them.
pub const ALL: &[&Target] = &[
    &frame::TARGET,
    &codec::TARGET,
    &schema::TARGET,
    &client_engine::TARGET,
    &server_engine::TARGET,
    &engines::TARGET,
];
