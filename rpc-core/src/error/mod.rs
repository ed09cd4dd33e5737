//! What can go wrong. Every error of a call says whether the handler ran.

mod attempts;
mod bind;
mod call;
mod call_error;
mod code;
pub(crate) mod nearest;
mod protocol;
mod shown;

pub use attempts::{Attempt, Attempts};
pub use bind::{BindError, Offer, Tried};
pub(crate) use call::is_transient;
pub use call::{Error, Hop};
pub use call_error::CallError;
pub use code::{Code, Execution};
pub use protocol::ProtocolError;
pub(crate) use shown::{HOP_MAX, NAME_MAX, PLACE_MAX, REASON_MAX, counted, shown};
