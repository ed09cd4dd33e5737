//! What a service is, once its tokens have been read: every name and every decision stands here once.
//!
//! Reading never fails. What makes no sense is kept as it is, and `check` refuses it.

use proc_macro2::Span;
use quote::format_ident;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, ItemTrait, LitStr, Pat, PatType, Path, PathArguments, Receiver,
    ReturnType, TraitItem, TraitItemFn, Type, Visibility, parse_quote,
};

use super::attr::{ArgumentOptions, Carried, MethodOptions, ServiceOptions, Version};
use crate::errors::Errors;
use crate::text::unraw;

/// The annotated trait.
pub(super) struct Service<'a> {
    pub(super) krate: Path,
    pub(super) vis: &'a Visibility,
    /// The trait.
    pub(super) ident: &'a Ident,
    /// `{Trait}Client`
    pub(super) client: Ident,
    /// `{Trait}Server`
    pub(super) server: Ident,
    /// The name on the wire.
    pub(super) name: String,
    pub(super) version: Option<Version>,
    /// The lock file, relative to the folder of the package.
    pub(super) lock: Option<LitStr>,
    pub(super) carried: Carried,
    pub(super) methods: Vec<Method<'a>>,
}

/// One method of the trait.
pub(super) struct Method<'a> {
    pub(super) function: &'a TraitItemFn,
    pub(super) ident: &'a Ident,
    /// The name on the wire.
    pub(super) name: String,
    pub(super) options: MethodOptions,
    pub(super) carried: Carried,
    pub(super) receiver: Option<&'a Receiver>,
    pub(super) context: Option<ContextParameter<'a>>,
    pub(super) arguments: Vec<Argument<'a>>,
    pub(super) returns: Returned,
}

/// `cx: &Context`, which the client's stub does not have.
pub(super) struct ContextParameter<'a> {
    pub(super) attrs: &'a [Attribute],
    pub(super) pat: &'a Pat,
    pub(super) ty: &'a Type,
    pub(super) opaque: Option<Span>,
}

/// One argument that crosses the wire.
pub(super) struct Argument<'a> {
    pub(super) attrs: &'a [Attribute],
    pub(super) pat: &'a Pat,
    /// The type as the user wrote it, `&` included.
    pub(super) declared: &'a Type,
    pub(super) ident: Ident,
    /// The name on the wire.
    pub(super) name: String,
    pub(super) form: Form,
    /// `#[rpc(opaque)]`: its structure is not compared, only its name.
    pub(super) opaque: Option<Span>,
}

/// How an argument is passed. The type is the one that crosses the wire.
pub(super) enum Form {
    /// `T`
    Owned(Type),
    /// `&T`
    Lent(Type),
    /// `&[T]`
    Slice(Type),
    /// `&str`
    Text,
    /// `&[u8]`
    Bytes,
}

/// What a method returns.
pub(super) struct Returned {
    pub(super) ty: Type,
    /// Where errors about the result point: the type, or the method's name if there is none.
    pub(super) span: Span,
    pub(super) opaque: Option<Opaque>,
}

/// How `#[rpc(opaque)]` wraps a result.
pub(super) enum Opaque {
    /// Any type but a `Result`.
    Plain,
    /// `Result<T, E>`
    Fallible(Box<Type>, Box<Type>),
    /// `Result<T>`: which errors it has cannot be seen.
    Unclear,
}

impl<'a> Service<'a> {
    pub(super) fn read(options: ServiceOptions, item: &'a ItemTrait, errors: &mut Errors) -> Self {
        let methods = item.items.iter().filter_map(|item| match item {
            TraitItem::Fn(function) => Some(Method::read(function, errors)),
            _ => None,
        });
        let methods = methods.collect();
        Self {
            krate: options.krate,
            vis: &item.vis,
            ident: &item.ident,
            client: format_ident!("{}Client", item.ident),
            server: format_ident!("{}Server", item.ident),
            name: options.name.unwrap_or_else(|| unraw(&item.ident)),
            version: options.version,
            lock: options.lock,
            carried: Carried::read(&item.attrs, errors),
            methods,
        }
    }
}

impl<'a> Method<'a> {
    fn read(function: &'a TraitItemFn, errors: &mut Errors) -> Self {
        let options = MethodOptions::read(&function.attrs, errors);
        let mut receiver = None;
        let mut context = None;
        let mut arguments = Vec::new();
        for input in &function.sig.inputs {
            let typed = match input {
                FnArg::Receiver(found) => {
                    receiver = Some(found);
                    continue;
                }
                FnArg::Typed(typed) => typed,
            };
            let opaque = ArgumentOptions::read(&typed.attrs, errors).opaque;
            if context.is_none() && arguments.is_empty() && lends_context(&typed.ty) {
                context =
                    Some(ContextParameter { attrs: &typed.attrs, pat: &typed.pat, ty: &typed.ty, opaque });
            } else {
                arguments.push(Argument::read(typed, opaque, arguments.len()));
            }
        }
        let returns = Returned::read(function, options.opaque.is_some());
        let carried = Carried::read(&function.attrs, errors);
        let ident = &function.sig.ident;
        Self { function, ident, name: unraw(ident), options, carried, receiver, context, arguments, returns }
    }
}

impl<'a> Argument<'a> {
    fn read(typed: &'a PatType, opaque: Option<Span>, position: usize) -> Self {
        let ident = match &*typed.pat {
            Pat::Ident(name) => name.ident.clone(),
            // Refused by `check`, which needs the rest of the argument all the same.
            _ => format_ident!("argument_{position}"),
        };
        Self {
            attrs: &typed.attrs,
            pat: &typed.pat,
            declared: &typed.ty,
            name: unraw(&ident),
            ident,
            form: Form::of(&typed.ty),
            opaque,
        }
    }
}

impl Form {
    fn of(declared: &Type) -> Self {
        let Type::Reference(lent) = peel(declared) else { return Self::Owned(declared.clone()) };
        match peel(&lent.elem) {
            Type::Slice(slice) if is_path(&slice.elem, "u8") => Self::Bytes,
            Type::Slice(slice) => Self::Slice((*slice.elem).clone()),
            inner if is_path(inner, "str") => Self::Text,
            inner => Self::Lent(inner.clone()),
        }
    }
}

impl Returned {
    fn read(function: &TraitItemFn, opaque: bool) -> Self {
        let (ty, span) = match &function.sig.output {
            ReturnType::Default => (parse_quote!(()), function.sig.ident.span()),
            ReturnType::Type(_, ty) => ((**ty).clone(), ty.span()),
        };
        let opaque = opaque.then(|| Opaque::of(&ty));
        Self { ty, span, opaque }
    }

    pub(super) fn is_unit(&self) -> bool {
        matches!(peel(&self.ty), Type::Tuple(tuple) if tuple.elems.is_empty())
    }
}

impl Opaque {
    fn of(ty: &Type) -> Self {
        let Type::Path(path) = peel(ty) else { return Self::Plain };
        let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else {
            return Self::Plain;
        };
        let PathArguments::AngleBracketed(given) = &last.arguments else { return Self::Unclear };
        match Vec::from_iter(&given.args)[..] {
            [GenericArgument::Type(value), GenericArgument::Type(error)] => {
                Self::Fallible(Box::new(value.clone()), Box::new(error.clone()))
            }
            _ => Self::Unclear,
        }
    }
}

/// The type without parentheses and without the groups that a `macro_rules!` leaves around what it passes on.
pub(super) fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

fn is_path(ty: &Type, name: &str) -> bool {
    matches!(peel(ty), Type::Path(path) if path.qself.is_none() && path.path.is_ident(name))
}

/// Whether a type is `Context`, by whatever path.
pub(super) fn is_context(ty: &Type) -> bool {
    matches!(peel(ty), Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Context"))
}

/// Whether a type is `&Context`, or `&mut Context`, which `check` refuses.
pub(super) fn lends_context(ty: &Type) -> bool {
    matches!(peel(ty), Type::Reference(lent) if is_context(&lent.elem))
}
