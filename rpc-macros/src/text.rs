//! Names and literals as text.

use quote::ToTokens;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Type};

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

/// A type's name without the modules that it is in: those differ between two programs.
pub(crate) fn bare(ty: &Type) -> String {
    let spelled = spelled(ty);
    let parts = spelled.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    parts.map(|part| part.rsplit("::").next().unwrap_or_default()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn tokens_are_spelled_without_the_blanks_between_them() {
        assert_eq!(spelled(quote::quote!(::a::B<'static, &mut [u8; 4]>)), "::a::B<'static,&mut[u8;4]>");
    }

    #[test]
    fn a_types_name_is_bared_of_its_modules() {
        assert_eq!(bare(&parse_quote!(std::vec::Vec<geo::types::Point<f32>>)), "Vec<Point<f32>>");
        assert_eq!(bare(&parse_quote!(u8)), "u8");
    }
}
