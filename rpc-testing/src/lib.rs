//! A line between client and server that breaks on demand: for tests of services, over TCP and inside a process.
//!
//! Part of Carnegie, where it is `carnegie::testing`. It knows nothing of what travels over it.

#![forbid(unsafe_code)]

mod captures;
mod carry;
mod chaos;
mod connection;
mod counts;
mod direction;
mod line;
mod orders;
mod pair;
mod proxy;
mod pump;
mod queue;
mod replay;
mod seen;
mod shared;

pub use chaos::Chaos;
pub use counts::{Counts, Fault};
pub use direction::Direction;
pub use line::Line;
pub use pair::pair;
pub use proxy::{Proxy, ProxyBuilder};
pub use shared::Happened;
