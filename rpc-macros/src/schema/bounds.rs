//! What the implementation for a generic type asks of its parameters: as little as serde's own does.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{GenericParam, Generics, Type, parse_quote};

use super::model::Container;

/// ```text
/// Input:  struct Page<T, M> { items: Vec<T>, #[serde(bound = "T: Ord")] best: T, marker: PhantomData<M> }
/// Output: impl<T: Schema, M: 'static> .. where T: Ord, Page<T, M>: Portable
/// ```
///
/// Whether serde can write and read the type is asked of the type as a whole: only serde knows what its derive needs for
/// a field with a default, or what a `Serialize` that the user wrote asks for.
pub(super) fn bounded(container: &Container<'_>) -> Generics {
    let krate = &container.krate;
    let mut generics = container.generics.clone();
    if generics.type_params().next().is_none() {
        return generics;
    }
    let (ident, (_, arguments, _)) = (container.ident, container.generics.split_for_impl());
    let described = container.described();
    let mut used = BTreeSet::new();
    for ty in &described {
        names(ty.to_token_stream(), &mut used);
    }
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            let bound = if used.contains(&param.ident.to_string()) {
                parse_quote!(#krate::Schema)
            } else {
                parse_quote!('static)
            };
            param.bounds.push(bound);
        }
    }
    let predicates = &mut generics.where_clause.get_or_insert_with(|| parse_quote!(where)).predicates;
    for ty in described.into_iter().filter(|ty| is_associated(ty, container.generics)) {
        predicates.push(parse_quote!(#ty: #krate::Schema));
    }
    predicates.extend(container.bounds().cloned());
    predicates.push(parse_quote!(#ident #arguments: #krate::__private::Portable));
    generics
}

/// Whether a type is another one for other parameters.
pub(super) fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    let mut found = BTreeSet::new();
    names(ty.to_token_stream(), &mut found);
    is_associated(ty, generics)
        || generics.type_params().any(|param| found.contains(&param.ident.to_string()))
}

/// `T::Item`, where `T` is a parameter.
fn is_associated(ty: &Type, generics: &Generics) -> bool {
    let Type::Path(path) = ty else { return false };
    let first = path.path.segments.first().filter(|_| path.qself.is_none() && path.path.segments.len() > 1);
    first.is_some_and(|first| generics.type_params().any(|param| param.ident == first.ident))
}

/// Every name that stands alone in a type: `T`, but not the `T` of `T::Item`, and nothing in a `PhantomData`, which needs
/// nothing of what it marks.
fn names(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let sign = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) => names(group.stream(), found),
            TokenTree::Ident(ident) if ident == "PhantomData" => {
                while sign(at, ':') {
                    at += 1;
                }
                let mut depth = 0;
                while at < tokens.len() && (depth > 0 || sign(at, '<')) {
                    // The arrow in `fn() -> T` closes nothing.
                    if sign(at, '<') {
                        depth += 1;
                    } else if sign(at, '>') && !sign(at - 1, '-') {
                        depth -= 1;
                    }
                    at += 1;
                }
            }
            TokenTree::Ident(ident) if !sign(at, ':') => {
                found.insert(ident.to_string());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn found(ty: TokenStream) -> Vec<String> {
        let mut found = BTreeSet::new();
        names(ty, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn what_a_phantom_marks_is_not_used() {
        assert_eq!(found(quote!((PhantomData<fn(A) -> B>, Vec<C>))), ["C", "Vec"]);
        assert_eq!(found(quote!([::std::marker::PhantomData::<Vec<A>>; 4])), Vec::<String>::new());
        assert_eq!(found(quote!(Map<PhantomData<A>, B>)), ["B", "Map"]);
        assert_eq!(found(quote!((PhantomData, A))), ["A"]);
    }

    #[test]
    fn a_parameter_is_not_used_where_only_its_type_is() {
        assert_eq!(found(quote!(A::Item)), ["Item"]);
        assert_eq!(found(quote!(Vec<Option<A>>)), ["A", "Option", "Vec"]);
    }
}
