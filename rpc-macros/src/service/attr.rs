//! What stands in `#[service(..)]` and `#[rpc(..)]`, and which other attributes the generated code takes over.

use proc_macro2::{Span, TokenStream};
use std::time::Duration;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, LitStr, Meta, Path, Token, parse_quote};

use super::duration;
use crate::errors::Errors;
use crate::options::{each_option, flag, list, path, text};
use crate::text::spelled;

/// Major and minor.
pub(super) type Version = (u16, u16);

/// The longest name of a service, in bytes: it stands in every handshake.
const NAME_MAX: usize = 255;

/// A value, and where the user wrote it.
#[derive(Clone)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// `#[service(version = "1.1", name = "..", lock = "..", crate = "..")]`
pub(super) struct ServiceOptions {
    /// `None` if what was written could not be read: then nothing is compared with it.
    pub(super) version: Option<Version>,
    pub(super) name: Option<String>,
    /// The lock file, relative to the folder of the package.
    pub(super) lock: Option<LitStr>,
    pub(super) krate: Path,
}

/// `#[rpc(idempotent, blocking, timeout = "2s", since = "1.1", opaque)]` on a method.
#[derive(Default)]
pub(super) struct MethodOptions {
    pub(super) idempotent: bool,
    pub(super) blocking: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) since: Option<Given<Version>>,
    pub(super) opaque: Option<Span>,
}

/// `#[rpc(opaque)]` on an argument.
#[derive(Default)]
pub(super) struct ArgumentOptions {
    pub(super) opaque: Option<Span>,
}

/// The user's attributes that generated items repeat.
#[derive(Default)]
pub(super) struct Carried {
    /// `#[cfg]`: on everything that stands for the method or the trait.
    pub(super) cfg: Vec<Attribute>,
    /// Documentation, `#[deprecated]` and allowed lints: on what a user sees.
    pub(super) shown: Vec<Attribute>,
}

impl ServiceOptions {
    pub(super) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options =
            Self { version: Some((1, 0)), name: None, lock: None, krate: parse_quote!(::carnegie) };
        each_option(list(tokens, errors), errors, |name, meta, errors| {
            match name {
            "version" => {
                options.version = text(meta, "1.1", errors).and_then(|v| version(&v, errors)).map(|v| v.value);
            }
            "name" => options.name = text(meta, "BoxOffice", errors).and_then(|v| service_name(&v, errors)),
            "lock" => options.lock = text(meta, "box_office.schema", errors).and_then(|v| lock_file(v, errors)),
            "crate" => {
                if let Some(krate) = path(meta, errors) {
                    options.krate = krate;
                }
            }
            _ => errors.at(
                meta.path(),
                format!("`{name}` is not an option of `#[service]`; the options are `version = \"1.1\"`, `name = \"..\"`, `lock = \"box_office.schema\"` and `crate = \"..\"`"),
            ),
        }
        });
        options
    }
}

impl MethodOptions {
    pub(super) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        each_option(rpc_list(attrs, "idempotent", errors), errors, |name, meta, errors| {
            match name {
            "idempotent" => options.idempotent = flag(meta, errors),
            "blocking" => options.blocking = flag(meta, errors),
            "opaque" => options.opaque = flag(meta, errors).then(|| meta.span()),
            "timeout" => options.timeout = text(meta, "2s", errors).and_then(|v| timeout(&v, errors)),
            "since" => options.since = text(meta, "1.1", errors).and_then(|v| version(&v, errors)),
            _ => errors.at(
                meta.path(),
                format!(
                    "`{name}` is not an option of a method; the options are `idempotent`, `blocking`, `timeout = \"2s\"`, `since = \"1.1\"` and `opaque`"
                ),
            ),
        }
        });
        options
    }
}

impl ArgumentOptions {
    pub(super) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        each_option(rpc_list(attrs, "opaque", errors), errors, |name, meta, errors| match name {
            "opaque" => options.opaque = flag(meta, errors).then(|| meta.span()),
            "idempotent" | "blocking" | "timeout" | "since" => {
                errors
                    .at(meta.path(), format!("`{name}` is said of a whole method; move it above the method"));
            }
            _ => errors.at(
                meta.path(),
                format!("`{name}` is not an option of an argument; the only option is `opaque`"),
            ),
        });
        options
    }
}

impl Carried {
    pub(super) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut carried = Self::default();
        for attr in attrs {
            let path = attr.path();
            if path.is_ident("cfg") {
                carried.cfg.push(attr.clone());
            } else if path.is_ident("cfg_attr") {
                if conditional(attr, errors) {
                    carried.shown.push(attr.clone());
                }
            } else if path.is_ident("doc") || path.is_ident("deprecated") || path.is_ident("allow") {
                carried.shown.push(attr.clone());
            } else if path.is_ident("expect")
                && let Meta::List(list) = &attr.meta
            {
                // The expectation is met by the trait; the copy must not warn, nor expect a second time.
                let lints = &list.tokens;
                carried.shown.push(parse_quote!(#[allow(#lints)]));
            }
        }
        carried
    }
}

/// Whether an attribute is ours.
pub(super) fn is_rpc(attr: &Attribute) -> bool {
    attr.path().is_ident("rpc")
}

/// Whether an attribute is ours, or one that is ours under a condition.
pub(super) fn holds_rpc(attr: &Attribute) -> bool {
    is_rpc(attr) || conditioned(attr).iter().any(|meta| meta.path().is_ident("rpc"))
}

/// The attributes in `#[cfg_attr(condition, attributes)]`.
fn conditioned(attr: &Attribute) -> Vec<Meta> {
    if !attr.path().is_ident("cfg_attr") {
        return Vec::new();
    }
    let parsed = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    parsed.into_iter().flatten().skip(1).collect()
}

/// Whether a `#[cfg_attr(..)]` on a trait or a method holds something that a stub shows. What decides the shape of
/// the service must be in sight: the macro runs before conditions inside the trait are resolved.
fn conditional(attr: &Attribute, errors: &mut Errors) -> bool {
    let mut shown = false;
    for meta in conditioned(attr) {
        let path = meta.path();
        if path.is_ident("rpc") || path.is_ident("cfg") {
            let name = spelled(path);
            errors.at(
                path,
                format!("`{name}` inside `cfg_attr` is not seen in time; declare the method twice, each under its own `#[cfg(..)]`"),
            );
        }
        shown |= path.is_ident("doc") || path.is_ident("deprecated") || path.is_ident("allow");
    }
    shown
}

/// The options of all `#[rpc(..)]` among `attrs`.
fn rpc_list(attrs: &[Attribute], example: &str, errors: &mut Errors) -> Vec<Meta> {
    let mut all = Vec::new();
    for attr in attrs.iter().filter(|attr| is_rpc(attr)) {
        match &attr.meta {
            Meta::List(given) if !given.tokens.is_empty() => all.extend(list(given.tokens.clone(), errors)),
            meta => errors.at(
                meta,
                format!(
                    "this `#[rpc]` says nothing; write its options, such as `#[rpc({example})]`, or remove it"
                ),
            ),
        }
    }
    all
}

fn timeout(text: &LitStr, errors: &mut Errors) -> Option<Duration> {
    duration::parse(&text.value()).map_err(|wrong| errors.at(text, wrong)).ok()
}

fn version(text: &LitStr, errors: &mut Errors) -> Option<Given<Version>> {
    let number =
        |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
    let written = text.value();
    let found = written.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
    if found.is_none() {
        errors.at(
            text,
            format!(
                "`{written}` is not a version; write major and minor, each at most 65535, such as \"1.1\""
            ),
        );
    }
    found.map(|value| Given { value, span: text.span() })
}

fn lock_file(text: LitStr, errors: &mut Errors) -> Option<LitStr> {
    let named = !text.value().is_empty();
    if !named {
        errors.at(&text, "write where the lock file is, beside Cargo.toml, such as \"box_office.schema\"");
    }
    named.then_some(text)
}

fn service_name(text: &LitStr, errors: &mut Errors) -> Option<String> {
    let name = text.value();
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        errors.at(
            text,
            format!(
                "a service's name is 1 to {NAME_MAX} bytes without blanks, such as \"tickets.BoxOffice\""
            ),
        );
        return None;
    }
    Some(name)
}
