//! What serde's attributes and our own say about a container, a variant or a field.
//!
//! Every attribute of serde is honoured, or has no effect on the wire, or is refused with the reason: an attribute that
//! was overlooked would be a structure that was compared wrongly.

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, LitStr, Meta, Path, Token, Type, WherePredicate, parse_quote};

use super::rename::Rule;
use crate::errors::Errors;
use crate::options::{each_option, list, path, text};
use crate::text::{spelled, string_of};

/// Where attributes stand.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Level {
    Container,
    Variant,
    Field,
}

/// All that was said at one place.
#[derive(Default)]
pub(super) struct Attrs {
    pub(super) rename: Option<String>,
    pub(super) rename_all: Option<Rule>,
    pub(super) rename_all_fields: Option<Rule>,
    pub(super) transparent: bool,
    pub(super) skip: Option<Span>,
    pub(super) skip_serializing: Option<Span>,
    pub(super) skip_deserializing: Option<Span>,
    pub(super) with: Option<Span>,
    /// What serde's `bound` asks for, for writing and for reading.
    pub(super) bounds: Vec<WherePredicate>,
    /// `from` or `try_from`
    pub(super) from: Option<Type>,
    pub(super) into: Option<Type>,
    pub(super) opaque: Option<Opaque>,
    pub(super) described_as: Option<Type>,
    pub(super) krate: Option<Path>,
}

/// `#[schema(opaque)]` or `#[schema(opaque = "name")]`
pub(super) struct Opaque {
    pub(super) name: Option<String>,
    pub(super) span: Span,
}

impl Attrs {
    pub(super) fn read(attrs: &[Attribute], level: Level, errors: &mut Errors) -> Self {
        let mut all = Self::default();
        let (mut ours, mut serdes) = (Vec::new(), Vec::new());
        for attr in attrs {
            if attr.path().is_ident("schema") {
                match &attr.meta {
                    Meta::List(given) if !given.tokens.is_empty() => ours.extend(list(given.tokens.clone(), errors)),
                    meta => errors.at(meta, "this `#[schema]` says nothing; write its options, such as `#[schema(opaque)]`, or remove it"),
                }
            } else if attr.path().is_ident("serde") && matches!(attr.meta, Meta::List(_)) {
                // What serde cannot parse either, serde reports.
                let parsed = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
                serdes.extend(parsed.into_iter().flatten());
            }
        }
        each_option(ours, errors, |name, meta, errors| all.schema(name, meta, level, errors));
        for meta in &serdes {
            all.serde(&spelled(meta.path()), meta, errors);
        }
        all
    }

    /// Whether neither side writes or reads it.
    pub(super) fn is_skipped(&self) -> bool {
        self.skip.is_some() || (self.skip_serializing.is_some() && self.skip_deserializing.is_some())
    }

    fn schema(&mut self, name: &str, meta: &Meta, level: Level, errors: &mut Errors) {
        match name {
            "opaque" => match (meta, string_of(meta)) {
                (Meta::Path(_), _) => self.opaque = Some(Opaque { name: None, span: meta.span() }),
                (_, Some(name)) => self.opaque = Some(Opaque { name: Some(name.value()), span: meta.path().span() }),
                _ => errors.at(meta, "write `opaque` alone, or with the name that is compared: `opaque = \"geo::Point\"`"),
            },
            "as" => self.described_as = type_in(meta, "u64", errors),
            "crate" if level == Level::Container => self.krate = path(meta, errors),
            "crate" => errors.at(meta.path(), "`crate` is said once for the whole type; move it there"),
            _ => errors.at(
                meta.path(),
                format!("`{name}` is not an option of `#[schema]`; the options are `opaque`, `opaque = \"name\"`, `as = \"Type\"` and, for a whole type, `crate = \"path\"`"),
            ),
        }
    }

    fn serde(&mut self, name: &str, meta: &Meta, errors: &mut Errors) {
        match name {
            "rename" => self.rename = both_sides(meta, errors),
            "rename_all" => {
                self.rename_all = both_sides(meta, errors).and_then(|rule| named(&rule, meta, errors))
            }
            "rename_all_fields" => {
                self.rename_all_fields = both_sides(meta, errors).and_then(|rule| named(&rule, meta, errors));
            }
            "transparent" => self.transparent = true,
            "skip" => self.skip = Some(meta.span()),
            "skip_serializing" => self.skip_serializing = Some(meta.span()),
            "skip_deserializing" => self.skip_deserializing = Some(meta.span()),
            "from" | "try_from" => self.from = type_in(meta, "u16", errors),
            "into" => self.into = type_in(meta, "u16", errors),
            "with" | "serialize_with" | "deserialize_with" => {
                self.with = self.with.or(Some(meta.path().span()))
            }
            "bound" => self.bounds.extend(bounds(meta)),
            // These say nothing about what is written.
            "default" | "alias" | "crate" | "borrow" | "deny_unknown_fields" | "expecting" => {}
            _ => {
                let why = refusal(name);
                errors.at(meta.path(), format!("`#[serde({name})]` cannot cross the wire: {why}"));
            }
        }
    }
}

/// Why an attribute of serde is refused, and what to do.
fn refusal(name: &str) -> &'static str {
    match name {
        "skip_serializing_if" => {
            "values stand one after the other without names, so one that is left out shifts all that follow; write it always, an `Option` takes one byte"
        }
        "flatten" => {
            "it needs names on the wire, and there are none; make the inner struct a field of its own"
        }
        "untagged" => {
            "the reader must be told which variant follows; remove it, the number of a variant takes one byte"
        }
        "tag" | "content" => {
            "a tag is found by its name, and the wire has no names; remove it, the number of a variant takes one byte"
        }
        "other" => {
            "an unknown variant fails the call that carries it; add a variant that holds what you need"
        }
        "variant_identifier" | "field_identifier" => {
            "it reads names, and the wire has none; derive an ordinary enum"
        }
        "remote" | "getter" => {
            "the structure of the other crate's type is not seen here; at the field that has it, write `#[schema(as = \"Type\")]` or `#[schema(opaque)]`"
        }
        _ => {
            "what it does to the wire is not known here; hide it behind a type with its own `Serialize` and `Deserialize`, and mark that `#[schema(opaque)]`"
        }
    }
}

/// `rename = "x"`, or `rename(serialize = "x", deserialize = "x")` if both are the same.
fn both_sides(meta: &Meta, errors: &mut Errors) -> Option<String> {
    let Meta::List(given) = meta else { return string_of(meta).map(|text| text.value()) };
    let parsed = given.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let texts: Vec<_> = parsed.iter().filter_map(|side| Some(string_of(side)?.value())).collect();
    match &texts[..] {
        [written, read] if written == read => Some(written.clone()),
        _ => {
            let name = spelled(meta.path());
            errors.at(
                meta,
                format!("both sides of the wire must use one name; write `{name} = \"..\"`, which holds for writing and reading"),
            );
            None
        }
    }
}

/// The predicates of `bound = ".."` or `bound(serialize = "..", deserialize = "..")`. The lifetime `'de`, which serde
/// declares where it puts them, is any lifetime here.
fn bounds(meta: &Meta) -> Vec<WherePredicate> {
    let texts: Vec<LitStr> = match meta {
        Meta::List(given) => {
            let sides = given.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            sides.into_iter().flatten().filter_map(|side| string_of(&side)).collect()
        }
        single => string_of(single).into_iter().collect(),
    };
    // What is no predicate, serde reports.
    let parsed = texts
        .iter()
        .filter_map(|text| text.parse_with(Punctuated::<WherePredicate, Token![,]>::parse_terminated).ok());
    let mut all: Vec<_> = parsed.flatten().collect();
    for predicate in &mut all {
        let named = spelled(&predicate).contains("'de");
        if let WherePredicate::Type(predicate) = predicate
            && named
        {
            predicate.lifetimes.get_or_insert_with(|| parse_quote!(for<'de>));
        }
    }
    all
}

fn named(rule: &str, meta: &Meta, errors: &mut Errors) -> Option<Rule> {
    let found = Rule::named(rule);
    if found.is_none() {
        errors.at(
            meta,
            format!("`{rule}` is not one of serde's rules; they are lowercase, UPPERCASE, PascalCase, camelCase, snake_case, SCREAMING_SNAKE_CASE, kebab-case and SCREAMING-KEBAB-CASE"),
        );
    }
    found
}

fn type_in(meta: &Meta, example: &str, errors: &mut Errors) -> Option<Type> {
    let text = text(meta, example, errors)?;
    let ty = text.parse();
    if ty.is_err() {
        let written = text.value();
        errors.at(&text, format!("`{written}` is not a type; write one, such as \"{example}\""));
    }
    ty.ok()
}
