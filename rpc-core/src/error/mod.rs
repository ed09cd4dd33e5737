//! What can go wrong. Every error of a call says whether the handler ran.

mod bind;
mod call;
mod code;
pub(crate) mod nearest;
mod protocol;
mod shown;

pub use bind::{BindError, Offer, Tried};
pub use call::{CallError, Error, Hop};
pub use code::{Code, Execution};
pub use protocol::ProtocolError;
pub(crate) use shown::{HOP_MAX, NAME_MAX, PLACE_MAX, REASON_MAX, counted, shown};
