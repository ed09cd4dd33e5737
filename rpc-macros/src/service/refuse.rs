//! Which types cannot cross the wire, by their tokens alone. Bounds are the compiler's business.

use syn::{GenericArgument, GenericParam, Generics, Lifetime, PathArguments, Type, TypePath, TypeReference};

use super::model::{is_context, peel};
use crate::errors::Errors;

const NO_ADDRESS: &str = "an address means nothing on another machine";

/// Looks at the types of one signature.
pub(super) struct Refuser<'a> {
    /// Lifetimes that were refused where they are declared, and are not refused again where they are used.
    declared: Vec<&'a Lifetime>,
    errors: &'a mut Errors,
}

/// Where a type stands: the advice differs.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Argument,
    Result,
}

impl<'a> Refuser<'a> {
    pub(super) fn new(generics: [&'a Generics; 2], errors: &'a mut Errors) -> Self {
        let lifetimes = generics.into_iter().flat_map(|generics| generics.lifetimes());
        Self { declared: lifetimes.map(|param| &param.lifetime).collect(), errors }
    }

    /// An argument: owned, or one shared reference at the top.
    pub(super) fn argument(&mut self, declared: &Type) {
        let ty = peel(declared);
        if is_context(ty) {
            self.errors
                .at(ty, "the context is lent by the server; write `cx: &Context` as the first parameter");
            return;
        }
        let Type::Reference(lent) = ty else { return self.owned(ty, Place::Argument) };
        if let Some(mutability) = &lent.mutability {
            self.errors.at(
                mutability,
                format!(
                    "`&mut` cannot be an argument: {NO_ADDRESS}; take the value, and return what it has become"
                ),
            );
            return;
        }
        self.optional_lifetime(lent.lifetime.as_ref());
        match peel(&lent.elem) {
            Type::Slice(slice) => self.inside(&slice.elem, Place::Argument),
            inner => self.inside(inner, Place::Argument),
        }
    }

    /// The type of the context: shared, and without a lifetime.
    pub(super) fn context(&mut self, ty: &Type) {
        let Type::Reference(lent) = peel(ty) else { return };
        if let Some(mutability) = &lent.mutability {
            self.errors.at(mutability, "the context is lent to read; write `cx: &Context`");
            return;
        }
        self.optional_lifetime(lent.lifetime.as_ref());
        self.inside(&lent.elem, Place::Argument);
    }

    /// A result: owned throughout.
    pub(super) fn result(&mut self, ty: &Type) {
        match peel(ty) {
            Type::Reference(lent) => self.errors.at(
                lent,
                "a result cannot borrow: what it points to stays on the server; return the value itself, such as `String` or `Vec<T>`",
            ),
            Type::Never(never) => self.errors.at(never, "a method that never returns never answers; return `()`"),
            ty if is_context(ty) => {
                self.errors.at(ty, "a context belongs to one call; return what you need of it");
            }
            ty => self.owned(ty, Place::Result),
        }
    }

    /// A lifetime in a signature.
    pub(super) fn lifetime(&mut self, lifetime: &Lifetime) {
        if !self.declared.contains(&lifetime) {
            refuse_lifetime(lifetime, self.errors);
        }
    }

    fn optional_lifetime(&mut self, lifetime: Option<&Lifetime>) {
        if let Some(lifetime) = lifetime {
            self.lifetime(lifetime);
        }
    }

    /// A value by itself, which needs a size.
    fn owned(&mut self, ty: &Type, place: Place) {
        match ty {
            Type::Path(path) if path.path.is_ident("str") => {
                self.errors.at(path, "`str` has no size of its own; use `String`, or lend it as `&str`");
            }
            Type::Slice(slice) => {
                self.errors.at(slice, "`[T]` has no size of its own; use `Vec<T>`, or lend it as `&[T]`");
            }
            ty => self.inside(ty, place),
        }
    }

    /// Refuses one thing in each branch of a type, the outermost.
    fn inside(&mut self, ty: &Type, place: Place) {
        match ty {
            Type::Array(array) => self.inside(&array.elem, place),
            Type::Slice(slice) => self.inside(&slice.elem, place),
            Type::Group(group) => self.inside(&group.elem, place),
            Type::Paren(paren) => self.inside(&paren.elem, place),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| self.inside(elem, place)),
            Type::Path(path) => self.path(path, place),
            Type::Reference(lent) => self.nested_reference(lent, place),
            other => {
                if let Some(why) = refusal(other) {
                    self.errors.at(other, why);
                }
            }
        }
    }

    fn path(&mut self, ty: &TypePath, place: Place) {
        match &ty.qself {
            Some(qself) => self.inside(&qself.ty, place),
            None if ty.path.segments.first().is_some_and(|first| first.ident == "Self") => {
                self.errors.at(
                    ty,
                    "`Self` is another type on each server, and no type at all for a client; name the type",
                );
                return;
            }
            None => {}
        }
        for segment in &ty.path.segments {
            let PathArguments::AngleBracketed(given) = &segment.arguments else { continue };
            for argument in &given.args {
                match argument {
                    GenericArgument::Type(ty) => self.inside(ty, place),
                    // `Cow<'static, str>` owns what it holds once it has been read.
                    GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => {
                        self.lifetime(lifetime)
                    }
                    _ => {}
                }
            }
        }
    }

    fn nested_reference(&mut self, lent: &TypeReference, place: Place) {
        if let Some(mutability) = &lent.mutability {
            self.errors.at(mutability, format!("`&mut` cannot be sent: {NO_ADDRESS}; use the value itself"));
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
        self.errors.at(lent, advice);
    }
}

/// Why a type that has no parts to look into is refused.
fn refusal(ty: &Type) -> Option<String> {
    Some(match ty {
        Type::Ptr(_) => format!("a raw pointer cannot be sent: {NO_ADDRESS}; send the value"),
        Type::FnPtr(_) => format!("a function pointer cannot be sent: {NO_ADDRESS}; send what the function needs"),
        Type::ImplTrait(_) => {
            "`impl Trait` stands for a type that the other side cannot know; name the type".to_owned()
        }
        Type::TraitObject(_) => {
            "`dyn Trait` has no structure that could be written; name a type, such as an enum of the types it can be"
                .to_owned()
        }
        // `_` and `!` are refused by the compiler; of a type written by a macro its bounds decide.
        _ => return None,
    })
}

/// Refuses generic parameters, of the trait or of a method, in the words that fit.
pub(super) fn generics(generics: &Generics, otherwise: &str, errors: &mut Errors) {
    for param in &generics.params {
        match param {
            GenericParam::Lifetime(lifetime) => refuse_lifetime(&lifetime.lifetime, errors),
            GenericParam::Type(_) | GenericParam::Const(_) => errors.at(param, otherwise),
        }
    }
    if let Some(clause) = &generics.where_clause {
        errors.at(
            clause.where_token,
            "a client has no implementation that could meet a condition; remove the `where` clause",
        );
    }
}

fn refuse_lifetime(lifetime: &Lifetime, errors: &mut Errors) {
    errors.at(
        lifetime,
        "a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value",
    );
}
