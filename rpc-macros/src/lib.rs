//! The procedural macros of Carnegie: `#[service]` and `#[derive(Schema)]`.
//!
//! Their documentation for users stands on the facade's re-exports. Each macro is a pure function from tokens to
//! tokens and errors, in four stages: *attr* reads attributes, *model* holds every name and every decision once,
//! *check* refuses what cannot work, *expand* writes code. All errors of one item are reported together, and the
//! item itself is emitted even then, so that one mistake gives one error.

use proc_macro::TokenStream;

mod errors;
mod options;
mod schema;
mod service;
#[cfg(test)]
mod tests;
mod text;

/// Writes the client's and the server's half of a service. Documented on the facade.
#[proc_macro_attribute]
pub fn service(attr: TokenStream, item: TokenStream) -> TokenStream {
    errors::emit(service::service(attr.into(), item.into())).into()
}

/// Describes how a type looks on the wire. Documented on the facade.
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(item: TokenStream) -> TokenStream {
    errors::emit(schema::schema(item.into())).into()
}
