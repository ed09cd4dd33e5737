//! What cannot be described, said at the user's own tokens: what is wrong, and what to do.

use proc_macro2::Span;
use std::collections::BTreeSet;

use super::attr::Attrs;
use super::bounds::mentions_parameter;
use super::model::{Body, Container, Field, Variant};
use crate::errors::Errors;

/// Refuses what would be described wrongly. Says whether the type can have a `Schema` at all.
pub(super) fn container(container: &Container<'_>, errors: &mut Errors) -> bool {
    for lifetime in container.generics.lifetimes() {
        errors.at(
            &lifetime.lifetime,
            "a type that borrows cannot cross the wire, it would have nothing to borrow from; own the value, or lend it as an argument `&T`",
        );
    }
    contradictions(&container.attrs, errors);
    conversions(container, errors);
    nameless(container, errors);
    let opaque = container.attrs.opaque.is_some();
    match &container.body {
        Body::Union(token) => {
            errors.at(token, "a union does not say which of its fields it holds; use an enum")
        }
        Body::Enum(variants) => {
            twice(variants.iter().map(|each| (&*each.name, each.ident.span())), "variants", errors);
            variants.iter().for_each(|each| variant(each, opaque, errors));
        }
        Body::Tuple(fields) => {
            if let [only] = &fields[..] {
                newtype(only, errors);
            }
            all_fields(fields, opaque, errors);
        }
        Body::Named(fields) => all_fields(fields, opaque, errors),
        Body::Unit => {}
    }
    container.generics.lifetimes().next().is_none() && !matches!(container.body, Body::Union(_))
}

/// An opaque type is compared by its name, which does not tell `Page<A>` from `Page<B>`.
fn nameless(container: &Container<'_>, errors: &mut Errors) {
    let generic = container.generics.type_params().next().is_some();
    let hidden = container.attrs.opaque.as_ref().filter(|_| generic);
    let depends = |field: &&Field<'_>| mentions_parameter(field.ty, container.generics);
    let fields = container.fields().filter(depends).filter_map(|field| field.attrs.opaque.as_ref());
    let variants = container.variants().iter().filter(|variant| {
        let mut written = variant.body.fields().iter().filter(|field| !field.attrs.is_skipped());
        written.any(|field| field.attrs.opaque.is_none() && depends(&field))
    });
    let variants = variants.filter_map(|variant| variant.attrs.opaque.as_ref());
    for opaque in hidden.into_iter().chain(variants).chain(fields).filter(|opaque| opaque.name.is_none()) {
        errors.at_span(
            opaque.span,
            "this is another type for each parameter, and would be compared by one name; write a name that holds for all that are used, such as `opaque = \"geo.Point\"`",
        );
    }
}

/// `from` and `into` must meet in one type.
fn conversions(container: &Container<'_>, errors: &mut Errors) {
    let attrs = &container.attrs;
    if container.converted().is_some() {
        return;
    }
    for ty in [&attrs.from, &attrs.into].into_iter().flatten() {
        errors.at(
            ty,
            "what is written must be what is read; give `into` and `from` (or `try_from`) with one and the same type",
        );
    }
}

fn variant(variant: &Variant<'_>, opaque: bool, errors: &mut Errors) {
    contradictions(&variant.attrs, errors);
    // `skip_serializing` alone changes no number: that variant cannot be written, and can be read.
    if let Some(span) = variant.attrs.skip.or(variant.attrs.skip_deserializing) {
        errors.at_span(
            span,
            "a skipped variant is still counted by the writer and not by the reader, so those after it would be mistaken for one another; remove the variant, or the attribute",
        );
    }
    if variant.described().is_none() && !opaque {
        function(&variant.attrs, errors);
    }
    if let Body::Tuple(fields) | Body::Named(fields) = &variant.body {
        all_fields(fields, opaque || variant.described().is_some(), errors);
    }
}

/// By its name alone can a part be told from the one that it changed places with.
fn twice<'a>(names: impl Iterator<Item = (&'a str, Span)>, what: &str, errors: &mut Errors) {
    let mut met = BTreeSet::new();
    for (name, span) in names {
        if !met.insert(name) {
            errors.at_span(
                span,
                format!("two {what} are called `{name}` on the wire; give each a name of its own"),
            );
        }
    }
}

fn all_fields(fields: &[Field<'_>], opaque: bool, errors: &mut Errors) {
    let written = fields.iter().filter(|field| !field.attrs.is_skipped());
    twice(written.map(|field| (&*field.name, field.span())), "fields", errors);
    for field in fields {
        let attrs = &field.attrs;
        contradictions(attrs, errors);
        one_direction(attrs, errors);
        if attrs.opaque.is_none() && attrs.described_as.is_none() && !attrs.is_skipped() && !opaque {
            function(attrs, errors);
        }
    }
}

/// serde writes a newtype as what it holds, and whether it does so for a skipped field is its own secret.
fn newtype(field: &Field<'_>, errors: &mut Errors) {
    let both = field.attrs.skip_serializing.and(field.attrs.skip_deserializing);
    if let Some(span) = field.attrs.skip.or(both) {
        errors.at_span(span, "nothing would be left of this type; make it a unit struct, or keep the field");
    }
}

/// `skip_serializing` without `skip_deserializing`, or the other way round.
fn one_direction(attrs: &Attrs, errors: &mut Errors) {
    if let (Some(span), None) | (None, Some(span)) = (attrs.skip_serializing, attrs.skip_deserializing) {
        errors
            .at_span(span, "one side would skip what the other does not; write `skip`, which holds for both");
    }
}

/// `with` and its like: what the function writes cannot be seen.
fn function(attrs: &Attrs, errors: &mut Errors) {
    if let Some(span) = attrs.with {
        errors.at_span(
            span,
            "what this function writes cannot be seen; add `#[schema(as = \"Type\")]` with the type that it is written as, or `#[schema(opaque)]`",
        );
    }
}

fn contradictions(attrs: &Attrs, errors: &mut Errors) {
    let Some(opaque) = &attrs.opaque else { return };
    if attrs.described_as.is_some() {
        errors.at_span(opaque.span, "`opaque` hides the structure and `as` names it; keep one of the two");
    }
    if attrs.is_skipped() {
        errors.at_span(opaque.span, "what is skipped has no structure on the wire; remove `opaque`");
    }
}
