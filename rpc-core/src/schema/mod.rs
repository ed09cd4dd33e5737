//! What a type looks like on the wire: described, compared, named where two sides differ.
//!
//! The codec is positional, so a changed field would be misread in silence. Therefore both sides describe the structure
//! of each method's types ([`Schema`]), compare [fingerprints](Signature::fingerprint) when they bind, and where those
//! differ look for the [paths](Signature::differences) that do. Descriptions are made at run time: recursion ends
//! because each type is described once and referred to afterwards.

mod difference;
mod evolution;
mod excerpt;
mod fingerprint;
mod impls;
mod node;
mod ranges;
mod shared;
mod signature;
mod types;
mod walk;
mod words;

pub(crate) use difference::COMPARISONS_MAX;
pub use difference::{Appended, Comparison, DIFFERENCES_MAX, Difference, Side};
pub use evolution::{Evolution, UnknownVariant};
pub(crate) use excerpt::TYPES_MAX;
pub use excerpt::{Excerpt, read_signature, read_types};
pub use impls::LEAVES;
pub use node::{Content, Node, NodeId};
pub use signature::{NODES_MAX, Signature};
pub use types::{Describe, Fields, Types, Variant, describe_opaque};

use serde::{Serialize, de::DeserializeOwned};

/// What serde can write and read. A generic type asks for it as a whole, since only serde knows under which bounds it can.
pub trait Portable: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Portable for T {}

/// A type whose structure on the wire is known. Derived (`#[derive(Schema)]`); the types of `std` that serde knows have
/// it.
///
/// That it can be written and read is part of it, so that a missing derive is one error, at the type, and not one at
/// every method that uses the type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross the wire: its structure is not known",
    label = "needs `carnegie::Schema`",
    note = "add `#[derive(Serialize, Deserialize, carnegie::Schema)]` to it, or, for a type of another crate, mark this place `#[rpc(opaque)]` (in a type: `#[schema(opaque)]`)"
)]
pub trait Schema: Serialize + DeserializeOwned + 'static {
    /// What becomes of it as a return type: [`Fallible`](crate::service::Fallible) for `Result`, [`Plain`](crate::service::Plain)
    /// for all others.
    #[doc(hidden)]
    type Kind;

    /// Describes the type, and all that it holds, to `types`.
    fn describe(types: &mut Types) -> NodeId;
}
