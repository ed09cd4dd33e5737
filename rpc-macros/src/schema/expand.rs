//! Writes the implementation of `Schema`: tables, not code, and all paths absolute.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use super::bounds::bounded;
use super::model::{Body, Container, Describe, Field, Variant};

/// ```text
/// Input:  struct Ticket { seat: u32 }
/// Output: impl Schema for Ticket { fn describe(types: &mut Types) -> NodeId { types.structure(..) } }
/// ```
pub(super) fn implementation(container: &Container<'_>) -> TokenStream {
    with_body(container, &description(container))
}

/// An implementation that satisfies bounds, so that what was refused is not reported again wherever it is used.
pub(super) fn stand_in(container: &Container<'_>) -> TokenStream {
    let (types, name) = (types(), &container.name);
    with_body(container, &quote!(#types.opaque(#name)))
}

fn with_body(container: &Container<'_>, body: &TokenStream) -> TokenStream {
    let (krate, ident, types) = (&container.krate, container.ident, types());
    let generics = bounded(container);
    let (parameters, arguments, wheres) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::Schema for #ident #arguments #wheres {
            type Kind = #krate::__private::Plain;
            fn describe(#types: &mut #krate::__private::Types) -> #krate::__private::NodeId { #body }
        }
    }
}

/// ```text
/// Input:  struct Ticket { seat: u32 }        struct Seat(u32);                enum Section { Stalls, Box(u8) }
/// Output: types.structure(key, "Ticket", ..) types.transparent(key, "Seat", ..) types.enumeration(key, "Section", ..)
/// ```
fn description(container: &Container<'_>) -> TokenStream {
    let (krate, name, types) = (&container.krate, &container.name, types());
    let key = quote!(::core::any::TypeId::of::<Self>());
    if let Some(opaque) = &container.attrs.opaque {
        let name = opaque.name.as_ref().unwrap_or(name);
        return quote!(#types.opaque(#name));
    }
    if let Some(ty) = &container.attrs.described_as {
        return quote_spanned!(ty.span()=> <#ty as #krate::Schema>::describe(#types));
    }
    if let Some(ty) = container.converted() {
        return quote_spanned!(ty.span()=> #types.transparent(#key, #name, <#ty as #krate::Schema>::describe));
    }
    if let Some(field) = container.only_field() {
        let describe = describe(&field.described(), field.span(), krate);
        return quote!(#types.transparent(#key, #name, #describe));
    }
    match &container.body {
        Body::Unit | Body::Union(_) => quote!(#types.tuple(#key, &[])),
        Body::Tuple(fields) => {
            let fields = unnamed(fields, krate);
            quote!(#types.tuple(#key, const { &[#(#fields),*] }))
        }
        Body::Named(fields) => {
            let fields = named(fields, krate);
            quote!(#types.structure(#key, #name, const { &[#(#fields),*] }))
        }
        Body::Enum(variants) => {
            let variants = variants.iter().map(|each| variant(each, krate));
            quote!(#types.enumeration(#key, #name, const { &[#(#variants),*] }))
        }
    }
}

/// ```text
/// Input:  Box { number: u8 }
/// Output: ("Box", Variant::Struct(&[("number", <u8 as Schema>::describe)]))
/// ```
fn variant(variant: &Variant<'_>, krate: &Path) -> TokenStream {
    let name = &variant.name;
    let content = match (variant.described(), &variant.body) {
        (Some(described), _) => {
            let describe = describe(&described, variant.ident.span(), krate);
            quote!(Tuple(&[#describe]))
        }
        // serde writes a newtype variant whose field is skipped as a unit variant.
        (None, Body::Tuple(fields)) if matches!(&fields[..], [only] if only.attrs.is_skipped()) => {
            quote!(Unit)
        }
        (None, Body::Tuple(fields)) => {
            let fields = unnamed(fields, krate);
            quote!(Tuple(&[#(#fields),*]))
        }
        (None, Body::Named(fields)) => {
            let fields = named(fields, krate);
            quote!(Struct(&[#(#fields),*]))
        }
        (None, Body::Unit | Body::Enum(_) | Body::Union(_)) => quote!(Unit),
    };
    quote!((#name, #krate::__private::Variant::#content))
}

/// ```text
/// Input:  seat: u32, #[serde(skip)] cache: Cache
/// Output: ("seat", <u32 as Schema>::describe)
/// ```
fn named(fields: &[Field<'_>], krate: &Path) -> Vec<TokenStream> {
    let entry = |field: &Field<'_>| {
        let (name, describe) = (&field.name, describe(&field.described(), field.span(), krate));
        quote!((#name, #describe))
    };
    fields.iter().filter(|field| !field.attrs.is_skipped()).map(entry).collect()
}

fn unnamed(fields: &[Field<'_>], krate: &Path) -> Vec<TokenStream> {
    let entry = |field: &Field<'_>| describe(&field.described(), field.span(), krate);
    fields.iter().filter(|field| !field.attrs.is_skipped()).map(entry).collect()
}

/// ```text
/// Input:  u32                                    #[schema(opaque)] Point
/// Output: <u32 as Schema>::describe as Describe  (|types| describe_opaque(types, "Point")) as Describe
/// ```
///
/// Spanned at the type, so that a missing `Schema` is reported there.
fn describe(described: &Describe<'_>, span: Span, krate: &Path) -> TokenStream {
    match described {
        Describe::Type(ty) => {
            let ty = ty.to_token_stream();
            quote_spanned!(span=> <#ty as #krate::Schema>::describe as #krate::__private::Describe)
        }
        Describe::Opaque(name) => {
            let types = types();
            quote!((|#types: &mut #krate::__private::Types| #krate::__private::describe_opaque(#types, #name)) as #krate::__private::Describe)
        }
    }
}

/// The parameter of `describe`, out of the way of the user's constants.
fn types() -> Ident {
    Ident::new("__types", Span::mixed_site())
}
