//! Writes the code: the trait, and for both sides of the wire what is generated from it.
//!
//! Every path is absolute, every local name has the macro's hygiene, and nothing of the prelude is assumed.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use super::model::Service;

mod argument;
mod client;
mod declaration;
mod descriptor;
mod lock;
mod server;

pub(super) use declaration::declaration;

/// ```text
/// Input:  trait BoxOffice { async fn sell(&self, seat: u32) -> Ticket; }
/// Output: struct BoxOfficeClient(..);
///         struct BoxOfficeServer<S>(..);
///         const _: () = { /* the index, the table, and what both structs can do */ };
/// ```
///
/// The anonymous constant keeps every helper out of the user's sight.
pub(super) fn both_sides(service: &Service<'_>) -> TokenStream {
    let (cfg, shown) = (&service.carried.cfg, &service.carried.shown);
    let lints = shown.iter().filter(|attr| attr.path().is_ident("allow"));
    let (client, server) = (client::definition(service), server::definition(service));
    let (index, table) = (descriptor::index(service), descriptor::table(service));
    let (client_code, server_code) = (client::code(service), server::code(service));
    let lock = lock::test(service);
    quote! {
        #client
        #server
        #(#cfg)*
        #(#lints)*
        // `deprecated`: stubs and handlers of deprecated methods are written all the same.
        // `missing_docs`: is said once already, of the trait.
        // `clippy`: names and signatures are the user's, the code is the macro's.
        #[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
        const _: () = {
            #index
            #table
            #client_code
            #server_code
        };
        #lock
    }
}

/// A local name that no name of the user can meet, not even a constant of the same spelling.
fn local(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

/// What is said of the trait and holds for the generated structs as well, its documentation left out.
fn not_docs<'a>(service: &'a Service<'_>) -> impl Iterator<Item = &'a syn::Attribute> {
    service
        .carried
        .shown
        .iter()
        .filter(|attr| !attr.path().is_ident("doc") && !attr.path().is_ident("cfg_attr"))
}

/// The facade's path as if it had been written at `span`: an expression that begins with it is reported there.
fn at(krate: &syn::Path, span: Span) -> TokenStream {
    let respanned = krate.to_token_stream().into_iter().map(|mut token| {
        token.set_span(span.resolved_at(token.span()));
        token
    });
    respanned.collect()
}
