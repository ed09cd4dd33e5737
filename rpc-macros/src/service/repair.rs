//! Keeps one mistake one error: what the compiler would refuse a second time is put right in the emitted trait.
//!
//! On a trait without mistakes nothing here changes anything.

use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, ItemTrait, Pat, ReturnType, Token, TraitItem, TraitItemFn, Type, Visibility,
    parse_quote,
};

use crate::errors::Errors;
use crate::text::unraw;

/// A method with a visibility or `default` before it, which syn leaves as tokens.
struct Qualified {
    vis: Visibility,
    default: Option<Token![default]>,
    method: TraitItemFn,
}

impl Parse for Qualified {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let default = input.parse()?;
        let mut method: TraitItemFn = input.parse()?;
        attrs.append(&mut method.attrs);
        method.attrs = attrs;
        Ok(Self { vis, default, method })
    }
}

/// Turns `pub async fn` into a method that can be read like any other.
pub(super) fn before_reading(item: &mut ItemTrait, errors: &mut Errors) {
    for entry in &mut item.items {
        let TraitItem::Verbatim(tokens) = entry else { continue };
        let Ok(Qualified { vis, default, method }) = syn::parse2(tokens.clone()) else { continue };
        if !matches!(vis, Visibility::Inherited) {
            errors.at(vis, "a method is as visible as its trait; remove this");
        }
        if let Some(default) = default {
            errors.at(default, "a method with a body is a default already; remove `default`");
        }
        *entry = TraitItem::Fn(method);
    }
}

/// Removes from the emitted trait what was refused and what the compiler would refuse again.
pub(super) fn before_emitting(item: &mut ItemTrait) {
    item.modifiers.auto_token = None;
    let mut seen = Vec::<(String, bool)>::new();
    item.items.retain_mut(|entry| {
        let TraitItem::Fn(method) = entry else { return true };
        signature(method);
        let (name, conditional) = (unraw(&method.sig.ident), has_cfg(&method.attrs));
        let again = !conditional && seen.contains(&(name.clone(), false));
        seen.push((name, conditional));
        !again
    });
}

fn signature(method: &mut TraitItemFn) {
    let sig = &mut method.sig;
    sig.constness = None;
    sig.variadic = None;
    if matches!(&sig.output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_))) {
        sig.output = ReturnType::Default;
    }
    if method.default.is_some() {
        return;
    }
    for input in &mut sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.mutability = None,
            FnArg::Typed(argument) if is_name(&argument.pat) => {}
            FnArg::Typed(argument) => argument.pat = parse_quote!(_),
        }
    }
}

/// Whether a parameter is a plain name, the only thing that a method without a body may have.
fn is_name(pat: &Pat) -> bool {
    matches!(pat, Pat::Ident(name) if name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none())
        || matches!(pat, Pat::Wild(_))
}

pub(super) fn has_cfg(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("cfg"))
}
