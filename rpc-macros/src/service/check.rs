//! What a service cannot be, said at the user's own tokens: what is wrong, and what to do.

use syn::{ItemTrait, Pat, ReceiverKind, ReturnType, Safety, TraitItem, Type};

use super::attr::{Version, is_rpc};
use super::model::{Argument, Form, Method, Opaque, Service, lends_context, peel};
use super::refuse::{self, Refuser};
use super::repair::has_cfg;
use crate::errors::Errors;
use crate::text::spelled;

/// A method's index is a `u16` on the wire; a trait far smaller than that is already several services.
const METHODS_MAX: usize = 1024;
/// More arguments than this belong into a type of their own.
const ARGUMENTS_MAX: usize = 64;

/// Refuses what cannot work and drops the methods concerned. Says whether stubs can be written for the others.
pub(super) fn service(service: &mut Service<'_>, item: &ItemTrait, errors: &mut Errors) -> bool {
    header(item, errors);
    for entry in &item.items {
        other_than_method(entry, errors);
    }
    if let Some(method) = service.methods.get(METHODS_MAX) {
        let (count, ident) = (service.methods.len(), method.ident);
        errors.at(
            ident,
            format!(
                "a service has at most {METHODS_MAX} methods, this one has {count}; make it several services"
            ),
        );
        return false;
    }
    duplicates(service, errors);
    let version = service.version;
    service.methods.retain(|method| {
        since(method, version, errors);
        opaque(method, errors);
        let before = errors.count();
        signature(method, item, errors);
        errors.count() == before
    });
    item.generics.params.is_empty()
}

fn header(item: &ItemTrait, errors: &mut Errors) {
    for attr in item.attrs.iter().filter(|attr| is_rpc(attr)) {
        errors.at(
            attr,
            "`#[rpc(..)]` is said of a method; options of the whole service go into `#[service(..)]`",
        );
    }
    if let Some(token) = &item.unsafety {
        errors.at(
            token,
            "a service cannot be `unsafe`: a peer gives no guarantees to the compiler; remove `unsafe`",
        );
    }
    if let Some(token) = &item.modifiers.auto_token {
        errors.at(token, "a service cannot be an auto trait: it has methods to call; remove `auto`");
    }
    let generic = "a service cannot be generic: its name stands for one signature on the wire; make it one service for each type, or use an enum (the type that implements it may be generic)";
    refuse::generics(&item.generics, generic, errors);
}

fn other_than_method(entry: &TraitItem, errors: &mut Errors) {
    match entry {
        TraitItem::Fn(_) => {}
        TraitItem::Const(item) => {
            errors.at(&item.ident, "a service cannot have constants: a client has no implementation to ask; make it a method");
        }
        TraitItem::Type(item) => errors.at(
            &item.ident,
            "a service cannot have associated types: both sides must agree on the type; name it in the methods",
        ),
        TraitItem::Macro(item) => errors.at(
            &item.mac.path,
            "a macro inside a service is expanded too late for its methods to be seen; write them out",
        ),
        other => errors.at(other, "a service holds `async fn` methods only; move this elsewhere"),
    }
}

/// Refuses and drops the second method of a name. Those under `#[cfg]` may never meet; the compiler will see.
fn duplicates(service: &mut Service<'_>, errors: &mut Errors) {
    let mut seen = Vec::<String>::new();
    service.methods.retain(|method| {
        let name = &method.name;
        let conditional = has_cfg(&method.function.attrs);
        let again = !conditional && seen.contains(name);
        if again {
            errors.at(
                method.ident,
                format!("`{name}` is declared twice: a method is found by its name; rename one"),
            );
        } else if !conditional {
            seen.push(name.clone());
        }
        !again
    });
}

fn since(method: &Method<'_>, version: Option<Version>, errors: &mut Errors) {
    let (Some(since), Some((major, minor))) = (&method.options.since, version) else { return };
    let (since_major, since_minor) = since.value;
    if since_major != major {
        errors.at_span(
            since.span,
            format!("the service's version is {major}.{minor}, and another major is another service; write a version from {major}.0 to {major}.{minor}"),
        );
    } else if since_minor > minor {
        errors.at_span(
            since.span,
            format!("the service's version is {major}.{minor}: this method would never be there; raise `version` to \"{major}.{since_minor}\""),
        );
    }
}

fn opaque(method: &Method<'_>, errors: &mut Errors) {
    if let Some(span) = method.options.opaque.filter(|_| method.returns.is_unit()) {
        errors.at_span(span, "there is no result whose structure could be hidden; remove `opaque`");
    }
    for argument in &method.arguments {
        if let (Some(span), Form::Text | Form::Bytes) = (argument.opaque, &argument.form) {
            let declared = spelled(argument.declared);
            errors.at_span(span, format!("the structure of `{declared}` is always known; remove `opaque`"));
        }
    }
    if let Some(span) = method.context.as_ref().and_then(|context| context.opaque) {
        errors.at_span(span, "the context does not cross the wire; remove `opaque`");
    }
}

fn signature(method: &Method<'_>, item: &ItemTrait, errors: &mut Errors) {
    let sig = &method.function.sig;
    qualifiers(method, errors);
    let generic = "a method cannot be generic: its name stands for one signature on the wire; make it one method for each type, or take an enum";
    refuse::generics(&sig.generics, generic, errors);
    for argument in &method.arguments {
        parameter(method, argument, errors);
    }
    if let Some(first) = method.arguments.get(ARGUMENTS_MAX) {
        let count = method.arguments.len();
        errors.at(
            first.pat,
            format!(
                "a method has at most {ARGUMENTS_MAX} arguments, this one has {count}; make them a struct"
            ),
        );
    }
    if let Some(context) = &method.context {
        if !matches!(context.pat, Pat::Ident(_) | Pat::Wild(_)) {
            errors.at(context.pat, "a parameter needs a name; write `cx: &Context`");
        }
        no_cfg(context.attrs, errors);
    }
    receiver(method, errors);
    let mut types = Refuser::new([&item.generics, &sig.generics], errors);
    if let Some(ReceiverKind::Reference(_, Some(lifetime), _)) =
        method.receiver.map(|receiver| &receiver.kind)
    {
        types.lifetime(lifetime);
    }
    if let Some(context) = &method.context {
        types.context(context.ty);
    }
    // A second context is refused already.
    for argument in method.arguments.iter().filter(|argument| !lends_context(argument.declared)) {
        types.argument(argument.declared);
    }
    if sig.asyncness.is_some() {
        types.result(&method.returns.ty);
    }
    if let Some(Opaque::Unclear) = method.returns.opaque {
        errors.at(&method.returns.ty, "an opaque result must show both of its types; write `Result<T, E>`");
    }
}

/// `async`, and nothing else before `fn`.
fn qualifiers(method: &Method<'_>, errors: &mut Errors) {
    let (sig, name) = (&method.function.sig, &method.ident);
    if let Some(token) = &sig.constness {
        errors.at(token, format!("a call waits for another machine; write `async fn {name}`"));
    } else if sig.asyncness.is_none() {
        match &sig.output {
            ReturnType::Type(_, ty) if matches!(peel(ty), Type::ImplTrait(_)) => errors.at(
                ty,
                format!("the future is written by the macro; write `async fn {name}(..) -> T` with the type that it ends in"),
            ),
            _ => errors.at(sig.fn_token, format!("a call waits for another machine; write `async fn {name}`")),
        }
    }
    if let Safety::Unsafe(_) | Safety::Safe(_) = &sig.safety {
        errors.at(&sig.safety, "a peer gives no guarantees to the compiler; remove `unsafe`");
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, "a call goes through the wire and not through an ABI; remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic, "the number of arguments is part of the signature; take a `Vec<T>`");
    }
}

fn receiver(method: &Method<'_>, errors: &mut Errors) {
    let name = &method.ident;
    let Some(receiver) = method.receiver else {
        errors.at(name, format!("`{name}` is not called on anything; write `&self` as its first parameter"));
        return;
    };
    for attr in receiver.attrs.iter().filter(|attr| is_rpc(attr)) {
        errors.at(attr, "`#[rpc(..)]` is said of a method or of an argument; move it there");
    }
    match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) => errors.at(
            receiver,
            "calls run at the same time, so none has the service for itself; take `&self`, and keep what changes behind a lock",
        ),
        ReceiverKind::Reference(..) => {}
        ReceiverKind::Value => {
            errors.at(receiver, "the service is not used up by one call, others need it; take `&self`");
        }
        _ => errors.at(receiver, "a service is called through a plain `&self`; write that"),
    }
}

fn parameter(method: &Method<'_>, argument: &Argument<'_>, errors: &mut Errors) {
    match argument.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            if let Some(token) = name.mutability.as_ref().filter(|_| method.function.default.is_none()) {
                errors.at(token, "without a body there is nothing that could change the argument; remove `mut`");
            }
        }
        pat => errors.at(pat, "an argument is compared with the other side's by its name; write a name, and take it apart in the body"),
    }
    no_cfg(argument.attrs, errors);
    let mut earlier = method.arguments.iter().take_while(|other| !std::ptr::eq(*other, argument));
    if earlier.any(|other| other.name == argument.name) {
        let name = &argument.name;
        errors.at(
            argument.pat,
            format!("`{name}` is taken twice: an argument is known by its name; rename one"),
        );
    }
    if lends_context(argument.declared) {
        let advice = match method.context {
            Some(_) => "a call has one context; remove the second",
            None => "the context comes first; move it right after `&self`",
        };
        errors.at(argument.declared, advice);
    }
}

fn no_cfg(attrs: &[syn::Attribute], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")) {
        errors.at(
            attr,
            "an argument that is not always there changes the signature; declare the method twice, each under its own `#[cfg(..)]`",
        );
    }
}
