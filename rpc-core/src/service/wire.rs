//! What an argument must be.

use crate::codec::{Decoder, Encoder, Malformed, Unencodable};
use crate::schema::{NodeId, Schema, Types};

/// What an argument of a service method must be: a [`Schema`] that may be sent to another thread.
///
/// The macro only ever names it as `<T as Wire>::..`: the compiler then says the same words at the same place for every
/// use of it, and says them once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a service method",
    label = "needs `carnegie::Schema` and `Send`",
    note = "add `#[derive(Serialize, Deserialize, carnegie::Schema)]` to it, or, for a type of another crate, mark the argument `#[rpc(opaque)]`"
)]
pub trait Wire: Sized {
    /// Describes the type to `types`.
    fn describe(types: &mut Types) -> NodeId;

    /// Writes the argument.
    ///
    /// # Errors
    /// As [`Encoder::value`].
    fn write(&self, out: &mut Encoder<'_>) -> Result<(), Unencodable>;

    /// Reads the argument.
    ///
    /// # Errors
    /// As [`Decoder::value`].
    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed>;
}

impl<T: Schema + Send> Wire for T {
    fn describe(types: &mut Types) -> NodeId {
        T::describe(types)
    }

    #[inline]
    fn write(&self, out: &mut Encoder<'_>) -> Result<(), Unencodable> {
        out.value(self)
    }

    #[inline]
    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.value()
    }
}
