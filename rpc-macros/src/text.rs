//! Names and literals as text.

use quote::ToTokens;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta};

/// A name as the wire knows it: `r#type` is `type`.
pub(crate) fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    match name.strip_prefix("r#") {
        Some(plain) => plain.to_owned(),
        None => name,
    }
}

/// Tokens as a person writes them: blanks only where two words would run together.
pub(crate) fn spelled(tokens: impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut text = String::with_capacity(spaced.len());
    let mut rest = spaced.chars().peekable();
    while let Some(c) = rest.next() {
        if c != ' ' || word(text.chars().last()) && word(rest.peek().copied()) {
            text.push(c);
        }
    }
    text
}

/// The string in `name = "string"`.
pub(crate) fn string_of(meta: &Meta) -> Option<LitStr> {
    let Meta::NameValue(pair) = meta else { return None };
    let mut value = &pair.value;
    // A `macro_rules!` that passes the string on wraps it in a group without delimiters.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(string), .. }) => Some(string.clone()),
        _ => None,
    }
}
