//! The trait itself, as the user's implementations see it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, ItemTrait, ReturnType, TraitItem, TraitItemFn, parse_quote, parse_quote_spanned};

use crate::service::attr::holds_rpc;
use crate::service::repair;

/// ```text
/// Input:  trait BoxOffice { #[rpc(idempotent)] async fn free(&self) -> u32; }
/// Output: trait BoxOffice: Send + Sync + 'static { fn free(&self) -> impl Future<Output = u32> + Send; }
/// ```
pub(in crate::service) fn declaration(item: &ItemTrait) -> TokenStream {
    let mut item = item.clone();
    repair::before_emitting(&mut item);
    item.attrs.retain(|attr| !holds_rpc(attr));
    // The names of the methods are those of the service, not of a convention about `self`; and the user may have
    // written one of the bounds below.
    item.attrs
        .push(parse_quote!(#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]));
    item.colon_token.get_or_insert_default();
    let span = item.ident.span();
    let (send, sync) =
        (quote_spanned!(span=> ::core::marker::Send), quote_spanned!(span=> ::core::marker::Sync));
    for bound in [send, sync, quote_spanned!(span=> 'static)] {
        item.supertraits.push(parse_quote!(#bound));
    }
    for entry in &mut item.items {
        if let TraitItem::Fn(method) = entry {
            strip(method);
            desugar(method);
        }
    }
    item.into_token_stream()
}

/// Removes `#[rpc(..)]` from a method and its parameters.
fn strip(method: &mut TraitItemFn) {
    method.attrs.retain(|attr| !holds_rpc(attr));
    for input in &mut method.sig.inputs {
        let attrs = match input {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(argument) => &mut argument.attrs,
        };
        attrs.retain(|attr| !holds_rpc(attr));
    }
}

/// ```text
/// Input:  async fn greet(&self) -> String { hello() }
/// Output: fn greet(&self) -> impl Future<Output = String> + Send { async move { hello() } }
/// ```
///
/// A bare `async fn` in a trait says nothing about `Send`, and a generic server could then not be spawned.
fn desugar(method: &mut TraitItemFn) {
    if method.sig.asyncness.take().is_none() {
        return;
    }
    let (output, span) = match &method.sig.output {
        ReturnType::Default => (quote!(()), method.sig.ident.span()),
        ReturnType::Type(_, ty) => (ty.to_token_stream(), ty.span()),
    };
    method.sig.output =
        parse_quote_spanned!(span=> -> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
    if let Some(body) = &mut method.default {
        let future = quote_spanned!(body.span()=> async move #body);
        *body = parse_quote!({ #future });
    }
}
