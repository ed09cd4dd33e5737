//! Every error of one expansion, so that a person sees all of them at once.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::Error;

/// What the stages report into.
#[derive(Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    /// Reports `message` at `tokens`, which the user wrote.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(Error::new_spanned(tokens, message));
    }

    /// Reports `message` at a place of which only the span was kept.
    pub(crate) fn at_span(&mut self, span: Span, message: impl std::fmt::Display) {
        self.0.push(Error::new(span, message));
    }

    /// Reports what a parser found.
    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_vec(self) -> Vec<Error> {
        self.0
    }
}

/// The code, followed by one `compile_error!` for each error.
pub(crate) fn emit((mut code, errors): (TokenStream, Vec<Error>)) -> TokenStream {
    code.extend(errors.iter().map(Error::to_compile_error));
    code
}
