//! The protocol of Carnegie, without input and output: bytes and `now` go in, bytes and events come out.
//!
//! No runtime, no socket, no thread, no clock and no randomness of its own: a driver (`carnegie-transport`) brings
//! those, and so does a simulator, which therefore runs the very code that ships.

#![forbid(unsafe_code)]

#[cfg(feature = "mutants")]
pub mod mutants;

/// Whether a bug is switched on. Only the tests of the simulator build anything but `false`.
#[cfg(feature = "mutants")]
macro_rules! mutant {
    ($name:ident) => {
        crate::mutants::is(crate::mutants::Mutant::$name)
    };
}
/// No bug is ever switched on.
#[cfg(not(feature = "mutants"))]
macro_rules! mutant {
    ($name:ident) => {
        crate::unmutated()
    };
}

/// A function and no literal, since conditions that a literal decides look like mistakes to the compiler's helpers.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
const fn unmutated() -> bool {
    false
}

pub mod client;
pub mod codec;
mod connection;
pub mod error;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod lock;
mod metadata;
pub mod schema;
pub mod server;
pub mod service;
mod stats;
mod sync;
mod time;

pub use connection::Transmit;
pub use error::{
    Attempt, Attempts, BindError, CallError, Code, Error, Execution, Hop, Offer, ProtocolError, Tried,
};
pub use ids::{Domain, Incarnation, RequestId, SessionId, SlotId, Token};
pub use limits::Limits;
pub use metadata::Metadata;
pub use stats::Stats;
pub use time::Instant;
