//! Return types by which a handler passes the failure of a nested call on. `Error` and `CallError` have no [`Schema`],
//! so these impls do not meet the one for all other return types.

use super::reply::{Failure, Reply, Verdict};
use super::returns::{Fallible, Kind, Plain, Returns, write};
use crate::codec::Encoder;
use crate::error::{CallError, Error};
use crate::schema::{NodeId, Schema, Types};

/// To the caller it is a method `-> T`.
impl<T: Schema + Send> Returns for Result<T, Error> {
    type Output = Result<T, Error>;

    fn describe(types: &mut Types) -> NodeId {
        T::describe(types)
    }

    fn encode(&mut self, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        match self {
            Ok(value) => write(value, Verdict::Ok, out),
            Err(error) => Err(Failure::Nested(Box::new(error.clone()))),
        }
    }

    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        <Plain as Kind<T>>::decode(reply)
    }
}

/// To the caller it is a method `-> Result<T, E>`.
impl<T: Schema + Send, E: Schema + Send> Returns for Result<T, CallError<E>> {
    type Output = Result<T, CallError<E>>;

    fn describe(types: &mut Types) -> NodeId {
        <Result<T, E> as Schema>::describe(types)
    }

    fn encode(&mut self, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        match self {
            Ok(value) => write(value, Verdict::Ok, out),
            Err(CallError::Application(error)) => write(error, Verdict::Application, out),
            Err(CallError::Failed(error)) => Err(Failure::Nested(Box::new(error.clone()))),
        }
    }

    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        <Fallible as Kind<Result<T, E>>>::decode(reply)
    }
}
