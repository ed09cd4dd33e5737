//! What becomes of a method's return type.

use super::reply::{Failure, Reply, Verdict};
use crate::codec::Encoder;
use crate::error::{CallError, Error};
use crate::schema::{NodeId, Schema, Types};
use serde::{Serialize, de::DeserializeOwned};

/// What a service method may return, and what its stub gives for it. Decided by the type, so an alias of `Result` is a
/// `Result`.
///
/// | the trait says | the stub gives |
/// |---|---|
/// | `T` | `Result<T, Error>` |
/// | `Result<T, E>` | `Result<T, CallError<E>>` |
/// | `Result<T, Error>`, to pass the failure of a nested call on | `Result<T, Error>` |
/// | `Result<T, CallError<E>>`, likewise | `Result<T, CallError<E>>` |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a service method returns",
    label = "needs `carnegie::Schema` and `Send`",
    note = "add `#[derive(Serialize, Deserialize, carnegie::Schema)]` to it, or, for a type of another crate, mark the method `#[rpc(opaque)]`"
)]
pub trait Returns: 'static {
    /// What awaiting the call gives.
    type Output: Send;

    /// Describes the type to `types`.
    fn describe(types: &mut Types) -> NodeId;

    /// Writes what the handler returned: the result or the refusal alone, since the verdict tells which it is. A large
    /// `Vec<u8>` or `Bytes` is taken out of it.
    ///
    /// # Errors
    /// The value cannot be sent, or it is the failure of a nested call.
    fn encode(&mut self, out: &mut Encoder<'_>) -> Result<Verdict, Failure>;

    /// What the caller gets: the reply read, or the failure handed on. The reply is lent, so that its buffer can serve
    /// the next call.
    fn decode(reply: Result<&Reply, Error>) -> Self::Output;
}

impl<R: Schema + Send> Returns for R
where
    R::Kind: Kind<R>,
{
    type Output = <R::Kind as Kind<R>>::Output;

    fn describe(types: &mut Types) -> NodeId {
        R::describe(types)
    }

    #[inline]
    fn encode(&mut self, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        R::Kind::encode(self, out)
    }

    #[inline]
    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        R::Kind::decode(reply)
    }
}

/// As a return type: an ordinary value.
#[derive(Clone, Copy, Debug)]
pub enum Plain {}

/// As a return type: success or refusal.
#[derive(Clone, Copy, Debug)]
pub enum Fallible {}

/// How the two kinds of return type, [`Plain`] and [`Fallible`], are written and read.
pub trait Kind<R: ?Sized> {
    /// What awaiting the call gives.
    type Output: Send;

    /// As [`Returns::encode`].
    ///
    /// # Errors
    /// The value cannot be sent.
    fn encode(value: &mut R, out: &mut Encoder<'_>) -> Result<Verdict, Failure>;

    /// As [`Returns::decode`].
    fn decode(reply: Result<&Reply, Error>) -> Self::Output;
}

impl<R: Serialize + DeserializeOwned + Send + 'static> Kind<R> for Plain {
    type Output = Result<R, Error>;

    #[inline]
    fn encode(value: &mut R, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        write(value, Verdict::Ok, out)
    }

    #[inline]
    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        reply?.read_plain()
    }
}

impl<T, E> Kind<Result<T, E>> for Fallible
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: Serialize + DeserializeOwned + Send + 'static,
{
    type Output = Result<T, CallError<E>>;

    #[inline]
    fn encode(value: &mut Result<T, E>, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        match value {
            Ok(value) => write(value, Verdict::Ok, out),
            Err(error) => write(error, Verdict::Application, out),
        }
    }

    #[inline]
    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        let reply = reply?;
        match reply.verdict {
            Verdict::Ok => Ok(reply.read()?),
            Verdict::Application => Err(CallError::Application(reply.read()?)),
        }
    }
}

#[inline]
pub(super) fn write<T: Serialize + 'static>(
    value: &mut T,
    verdict: Verdict,
    out: &mut Encoder<'_>,
) -> Result<Verdict, Failure> {
    out.take(value).map_err(Failure::Reply)?;
    Ok(verdict)
}
