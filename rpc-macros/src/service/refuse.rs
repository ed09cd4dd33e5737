//! Which types cannot cross the wire, by their tokens alone. Bounds are the compiler's business.

use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Type, TypePath, TypeReference};

use super::model::{is_context, peel};
use crate::errors::Errors;

/// Where a type stands: the advice differs.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Argument,
    Result,
}

const NO_ADDRESS: &str = "an address means nothing on another machine";

/// An argument: owned, or one shared reference at the top.
pub(super) fn argument(declared: &Type, errors: &mut Errors) {
    let ty = peel(declared);
    if is_context(ty) {
        errors.at(ty, "the context is lent by the server; write `cx: &Context` as the first parameter");
        return;
    }
    let Type::Reference(lent) = ty else { return inside(ty, Place::Argument, errors) };
    if let Some(mutability) = &lent.mutability {
        errors.at(
            mutability,
            format!(
                "`&mut` cannot be an argument: {NO_ADDRESS}; take the value, and return what it has become"
            ),
        );
        return;
    }
    if no_lifetime(lent, errors) {
        match peel(&lent.elem) {
            Type::Slice(slice) => inside(&slice.elem, Place::Argument, errors),
            Type::Path(path) if path.path.is_ident("str") => {}
            inner => inside(inner, Place::Argument, errors),
        }
    }
}

/// The type of the context: shared, and without a lifetime.
pub(super) fn context(ty: &Type, errors: &mut Errors) {
    let Type::Reference(lent) = peel(ty) else { return };
    match &lent.mutability {
        Some(mutability) => errors.at(mutability, "the context is lent to read; write `cx: &Context`"),
        None => {
            if no_lifetime(lent, errors) {
                inside(&lent.elem, Place::Argument, errors);
            }
        }
    }
}

/// A result: owned throughout.
pub(super) fn result(ty: &Type, errors: &mut Errors) {
    match peel(ty) {
        Type::Reference(lent) => errors.at(
            lent,
            "a result cannot borrow: what it points to stays on the server; return the value itself, such as `String` or `Vec<T>`",
        ),
        Type::Never(never) => errors.at(never, "a method that never returns never answers; return `()`"),
        ty if is_context(ty) => errors.at(ty, "a context belongs to one call; return what you need of it"),
        ty => inside(ty, Place::Result, errors),
    }
}

/// Refuses one thing in each branch of a type, the outermost.
fn inside(ty: &Type, place: Place, errors: &mut Errors) {
    match ty {
        Type::Array(array) => inside(&array.elem, place, errors),
        Type::Group(group) => inside(&group.elem, place, errors),
        Type::Paren(paren) => inside(&paren.elem, place, errors),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| inside(elem, place, errors)),
        Type::Path(path) => path_type(path, place, errors),
        Type::Reference(lent) => nested_reference(lent, place, errors),
        Type::Ptr(pointer) => errors.at(pointer, format!("a raw pointer cannot be sent: {NO_ADDRESS}; send the value")),
        Type::FnPtr(pointer) => {
            errors.at(pointer, format!("a function pointer cannot be sent: {NO_ADDRESS}; send what the function needs"));
        }
        Type::ImplTrait(any) => {
            errors.at(any, "`impl Trait` stands for a type that the other side cannot know; name the type");
        }
        Type::TraitObject(object) => errors.at(
            object,
            "`dyn Trait` has no structure that could be written; name a type, such as an enum of the types it can be",
        ),
        Type::Slice(slice) => errors.at(slice, "`[T]` has no size of its own; use `Vec<T>`, or lend it as `&[T]`"),
        Type::Never(never) => errors.at(never, "`!` has no values that could be sent; leave this out"),
        Type::Infer(infer) => errors.at(infer, "`_` cannot be compared with the other side's type; write the type"),
        // A type written by a macro, or in a syntax to come: the compiler's bounds decide.
        _ => {}
    }
}

fn path_type(ty: &TypePath, place: Place, errors: &mut Errors) {
    if let Some(qself) = &ty.qself {
        inside(&qself.ty, place, errors);
    }
    if ty.qself.is_none() && ty.path.segments.first().is_some_and(|first| first.ident == "Self") {
        errors
            .at(ty, "`Self` is another type on each server, and no type at all for a client; name the type");
        return;
    }
    if ty.qself.is_none() && ty.path.is_ident("str") {
        errors.at(ty, "`str` has no size of its own; use `String`, or lend it as `&str`");
        return;
    }
    for segment in &ty.path.segments {
        let PathArguments::AngleBracketed(given) = &segment.arguments else { continue };
        for argument in &given.args {
            match argument {
                GenericArgument::Type(ty) => inside(ty, place, errors),
                // `Cow<'static, str>` owns what it holds once it has been read.
                GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => {
                    lifetime_in(lifetime, errors)
                }
                _ => {}
            }
        }
    }
}

fn nested_reference(lent: &TypeReference, place: Place, errors: &mut Errors) {
    if let Some(mutability) = &lent.mutability {
        errors.at(mutability, format!("`&mut` cannot be sent: {NO_ADDRESS}; use the value itself"));
        return;
    }
    let advice = match place {
        Place::Argument => {
            "only an argument as a whole can be lent; own what is inside, such as `String` or `Vec<T>`"
        }
        Place::Result => {
            "a result cannot borrow: what it points to stays on the server; own what is inside, such as `String` or `Vec<T>`"
        }
    };
    errors.at(lent, advice);
}

fn no_lifetime(lent: &TypeReference, errors: &mut Errors) -> bool {
    if let Some(lifetime) = &lent.lifetime {
        lifetime_in(lifetime, errors);
    }
    lent.lifetime.is_none()
}

/// Refuses a lifetime in a signature.
pub(super) fn lifetime_in(lifetime: impl ToTokens, errors: &mut Errors) {
    errors.at(
        lifetime,
        "a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value",
    );
}
