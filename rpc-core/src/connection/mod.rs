//! What both ends of a connection do alike: write in turns, gather large messages, watch for silence, count time.

mod deadline;
mod gathering;
mod liveness;
mod outgoing;
mod transmit;

pub(crate) use deadline::ConnectionTime;
pub(crate) use gathering::{Body, Gathering, Head, Room};
pub(crate) use liveness::{Liveness, Probe};
pub(crate) use outgoing::{Begun, Outgoing};
pub use transmit::Transmit;
