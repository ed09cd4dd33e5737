//! `#[derive(Schema)]`: how a type looks on the wire, as tables that the handshake compares.

use proc_macro2::TokenStream;
use syn::{DeriveInput, Error};

use crate::errors::Errors;

mod attr;
mod bounds;
mod check;
mod expand;
mod model;
mod rename;
#[cfg(test)]
mod tests;

/// The whole macro, without a compiler: from a type to code and errors.
pub(crate) fn schema(item: TokenStream) -> (TokenStream, Vec<Error>) {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return (TokenStream::new(), vec![error]),
    };
    let mut errors = Errors::default();
    let container = model::Container::read(&input, &mut errors);
    let describable = check::container(&container, &mut errors);
    let code = match (describable, errors.count()) {
        (false, _) => TokenStream::new(),
        (true, 0) => expand::implementation(&container),
        (true, _) => expand::stand_in(&container),
    };
    (code, errors.into_vec())
}
