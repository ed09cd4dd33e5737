//! Return types whose structure is not known: `#[rpc(opaque)]` on a method.

use super::reply::{Failure, Reply, Verdict};
use super::returns::{Fallible, Kind, Plain, Returns};
use crate::codec::Encoder;
use crate::error::{CallError, Error};
use crate::schema::{NodeId, Types};
use serde::{Serialize, de::DeserializeOwned};
use std::any::type_name;

/// What the macro wraps a handler's value in if the method is `#[rpc(opaque)]`: the type needs no `Schema`. Its caller meets it
/// where a call is resolved.
#[derive(Clone, Copy, Debug)]
pub struct Opaque<T>(pub T);

/// What the macro wraps a handler's `Result` in if the method is `#[rpc(opaque)]`.
#[derive(Clone, Copy, Debug)]
pub struct OpaqueResult<T, E>(pub Result<T, E>);

impl<T: Serialize + DeserializeOwned + Send + 'static> Returns for Opaque<T> {
    type Output = Result<T, Error>;

    fn describe(types: &mut Types) -> NodeId {
        types.opaque(&bare(type_name::<T>()))
    }

    fn encode(&mut self, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        <Plain as Kind<T>>::encode(&mut self.0, out)
    }

    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        <Plain as Kind<T>>::decode(reply)
    }
}

impl<T, E> Returns for OpaqueResult<T, E>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: Serialize + DeserializeOwned + Send + 'static,
{
    type Output = Result<T, CallError<E>>;

    fn describe(types: &mut Types) -> NodeId {
        types.opaque(&bare(type_name::<Result<T, E>>()))
    }

    fn encode(&mut self, out: &mut Encoder<'_>) -> Result<Verdict, Failure> {
        <Fallible as Kind<Result<T, E>>>::encode(&mut self.0, out)
    }

    fn decode(reply: Result<&Reply, Error>) -> Self::Output {
        <Fallible as Kind<Result<T, E>>>::decode(reply)
    }
}

/// A type's name without the modules that it is in: those may be moved, and differ between two programs.
fn bare(path: &str) -> String {
    let mut name = String::new();
    for part in path.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        name.push_str(part.rsplit("::").next().unwrap_or_default());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_types_name_is_bared_of_its_modules() {
        assert_eq!(bare("alloc::vec::Vec<geo::types::Point<f32>>"), "Vec<Point<f32>>");
        assert_eq!(bare("(a::B, [c::D; 4])"), "(B, [D; 4])");
        assert_eq!(bare("u8"), "u8");
    }
}
