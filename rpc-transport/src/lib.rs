//! The tokio driver of Carnegie: sockets, tasks, timers and wakers. Nothing of the protocol is decided here.

#![forbid(unsafe_code)]

// Both sides.
mod clock;
mod pipe;
mod stream;

pub use stream::{ByteStream, in_process};

// The client's side.
mod address;
mod dial;

pub use address::Addresses;
pub use dial::Dialer;

// The server's side.
pub mod context;
mod incoming;
mod listener;
mod server;

pub use context::Context;
pub use incoming::{Handler, Incoming, Outcome, Service, context, no_such_method};
pub use server::{Bound, Server, ServerHandle};
