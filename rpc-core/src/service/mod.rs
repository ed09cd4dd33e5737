//! What a service is to the code that the macro writes: its table of methods, what its arguments and results must be.

mod descriptor;
mod opaque;
mod passed_on;
mod payload;
mod reply;
mod returns;
mod wire;

pub use descriptor::{Argument, Descriptor, Method};
pub use opaque::{Opaque, OpaqueResult};
pub(crate) use payload::Parts;
pub use payload::Payload;
pub use reply::{Failure, Reply, Verdict};
pub use returns::{Fallible, Kind, Plain, Returns};
pub use wire::Wire;
