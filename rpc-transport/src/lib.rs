//! The tokio driver of Carnegie: sockets, tasks, timers and wakers. Nothing of the protocol is decided here.

#![forbid(unsafe_code)]

// Both sides.
mod address;
mod clock;
#[cfg(test)]
mod gates;
mod memory;
mod pipe;
mod stream;
mod sync;
mod turn;

pub use address::Addresses;
pub use stream::{ByteStream, in_process};

// The client's side.
mod binding;
mod busy_poll;
mod call;
mod channel;
mod client;
mod connect;
mod dial;
mod resolve;
mod stub;

pub use binding::{Binding, Client};
pub use call::Call;
pub use channel::Channel;
pub use connect::{Connect, connect, connect_over, connect_with};
pub use dial::{Dialer, Opening};
pub use resolve::Resolution;
pub use stub::{Arguments, arguments};

// The server's side.
pub mod context;
mod incoming;
mod listener;
mod segments;
mod server;
mod signals;

pub use context::Context;
pub use incoming::{Handler, Incoming, Outcome, Service, context, no_such_method};
pub use server::{Bound, Server, ServerHandle};
pub use signals::stop_signal;
