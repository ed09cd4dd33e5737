//! The tokio driver of Carnegie: sockets, tasks, timers and wakers. Nothing of the protocol is decided here.

#![forbid(unsafe_code)]

// Both sides.
mod clock;
mod pipe;
mod stream;

pub use stream::{ByteStream, in_process};

// The client's side.

// The server's side.
