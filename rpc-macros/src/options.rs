//! The options in an attribute's parentheses: `name`, or `name = "value"`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Meta, MetaNameValue, Path, Token};

use crate::errors::Errors;
use crate::text::{spelled, string_of};

/// The options, or the parser's error.
pub(crate) fn list(tokens: TokenStream, errors: &mut Errors) -> Vec<Meta> {
    let all = |input: ParseStream<'_>| Punctuated::<Meta, Token![,]>::parse_terminated_with(input, option);
    match all.parse2(tokens) {
        Ok(all) => all.into_iter().collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

/// One option. A keyword such as `as` is no path to syn, but it is an option's name here.
fn option(input: ParseStream<'_>) -> syn::Result<Meta> {
    let word = input.peek(Ident::peek_any) && !input.peek(Ident) && !input.peek(Token![crate]);
    if !word {
        return input.parse();
    }
    let path = Path::from(input.call(Ident::parse_any)?);
    if !input.peek(Token![=]) {
        return Ok(Meta::Path(path));
    }
    Ok(Meta::NameValue(MetaNameValue { path, eq_token: input.parse()?, value: input.parse()? }))
}

/// Hands every option to `read` once, and refuses the second of a kind.
pub(crate) fn each_option(
    all: Vec<Meta>,
    errors: &mut Errors,
    mut read: impl FnMut(&str, &Meta, &mut Errors),
) {
    let mut seen = Vec::<String>::new();
    for meta in &all {
        let name = spelled(meta.path());
        if seen.contains(&name) {
            errors.at(meta.path(), format!("`{name}` is given twice; keep one"));
            continue;
        }
        read(&name, meta, errors);
        seen.push(name);
    }
}

/// Whether a flag is set; one with a value is refused.
pub(crate) fn flag(meta: &Meta, errors: &mut Errors) -> bool {
    let bare = matches!(meta, Meta::Path(_));
    if !bare {
        let name = spelled(meta.path());
        errors.at(meta, format!("`{name}` takes no value; write `{name}` alone, or leave it out"));
    }
    bare
}

/// The value of an option that must have one.
pub(crate) fn text(meta: &Meta, example: &str, errors: &mut Errors) -> Option<LitStr> {
    let found = string_of(meta);
    if found.is_none() {
        let name = spelled(meta.path());
        errors.at(meta, format!("`{name}` takes a string; write `{name} = \"{example}\"`"));
    }
    found
}

/// The path in `crate = "path"`.
pub(crate) fn path(meta: &Meta, errors: &mut Errors) -> Option<Path> {
    let text = text(meta, "::carnegie", errors)?;
    let path = text.parse_with(Path::parse_mod_style);
    if path.is_err() {
        errors.at(&text, "this is not a path; write where the facade is, such as \"::carnegie\"");
    }
    path.ok()
}
