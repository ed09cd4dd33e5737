//! `#[service]`: from an annotated trait to the trait, its client and its server.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Error, Item, ItemTrait};

use crate::errors::Errors;

mod attr;
mod check;
mod duration;
mod expand;
mod model;
mod refuse;
mod repair;

/// The whole macro, without a compiler: what is in the brackets and the item, to code and errors.
pub(crate) fn service(attr: TokenStream, item: TokenStream) -> (TokenStream, Vec<Error>) {
    let mut errors = Errors::default();
    let options = attr::ServiceOptions::read(attr, &mut errors);
    let mut item = match parse(&item) {
        Ok(item) => item,
        Err(error) => return (item, vec![error]),
    };
    repair::before_reading(&mut item, &mut errors);
    let mut service = model::Service::read(options, &item, &mut errors);
    let sound = check::service(&mut service, &item, &mut errors);
    let mut code = expand::declaration(&item);
    if sound {
        code.extend(expand::both_sides(&service));
    }
    (code, errors.into_vec())
}

fn parse(item: &TokenStream) -> syn::Result<ItemTrait> {
    match syn::parse2(item.clone())? {
        Item::Trait(item) => Ok(item),
        other => Err(Error::new_spanned(
            first_word(&other),
            "`#[service]` goes on a trait; annotate the trait whose methods are to be called",
        )),
    }
}

/// What follows an item's attributes, so that the error stands at `struct` and not at a comment above it.
fn first_word(item: &Item) -> TokenStream {
    let words = item.to_token_stream().into_iter();
    let mut rest = words.skip_while({
        let mut after_hash = false;
        move |token| {
            let hash = token.to_string() == "#";
            let skip = hash || after_hash;
            after_hash = hash;
            skip
        }
    });
    rest.next().into_iter().collect()
}
