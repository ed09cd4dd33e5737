//! One argument on its way: described, written by the stub, read and lent by the handler.
//!
//! What is asked of a type is asked only as `<T as Wire>::..`, spanned at that type: the compiler then says the same
//! words at the same place for every use, and shows them once.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path};

use crate::service::model::{Argument, Form};

/// ```text
/// Input:  holder: &str
/// Output: Argument { name: "holder", describe: <String as Wire>::describe }
/// ```
pub(super) fn describe(argument: &Argument<'_>, krate: &Path) -> TokenStream {
    let (name, span) = (&argument.name, span(argument));
    let described = match argument.opaque {
        None => wire(argument, krate),
        // An opaque result is described by its type's name, and so is an opaque argument.
        Some(_) => {
            let ty = owned(argument);
            quote_spanned!(span=> <#krate::__private::Opaque<#ty> as #krate::__private::Returns>)
        }
    };
    quote_spanned!(span=> #krate::__private::Argument { name: #name, describe: #described::describe })
}

/// ```text
/// Input:  seat: u32, holder: &str, tickets: &[Ticket]
/// Output: .owned(seat, <u32 as Wire>::write) .str(holder) .slice::<Ticket>(tickets)
/// ```
pub(super) fn write(argument: &Argument<'_>, krate: &Path) -> TokenStream {
    let (ident, span) = (&argument.ident, span(argument));
    let value = match &argument.form {
        Form::Text => return quote!(.str(#ident)),
        Form::Bytes => return quote!(.bytes(#ident)),
        Form::Slice(ty) => return quote_spanned!(span=> .slice::<#ty>(#ident)),
        Form::Owned(_) if argument.opaque.is_none() => {
            let wire = wire(argument, krate);
            return quote_spanned!(span=> .owned(#ident, #wire::write));
        }
        Form::Owned(_) => quote!(&#ident),
        Form::Lent(_) => quote!(#ident),
    };
    if argument.opaque.is_some() {
        return quote_spanned!(span=> .opaque(#value));
    }
    let wire = wire(argument, krate);
    quote_spanned!(span=> .value(#value, #wire::write))
}

/// ```text
/// Input:  seat: u32, holder: &str
/// Output: <u32 as Wire>::read(__args)?  __args.str()?
/// ```
pub(super) fn read(argument: &Argument<'_>, args: &Ident, krate: &Path) -> TokenStream {
    let span = span(argument);
    match argument.form {
        Form::Text => quote!(#args.str()?),
        Form::Bytes => quote!(#args.bytes()?),
        _ if argument.opaque.is_some() => {
            let ty = owned(argument);
            quote_spanned!(span=> #args.value::<#ty>()?)
        }
        _ => {
            let wire = wire(argument, krate);
            quote_spanned!(span=> #wire::read(#args)?)
        }
    }
}

/// ```text
/// Input:  seat: u32, ticket: &Ticket
/// Output: seat, &ticket
/// ```
pub(super) fn lend(argument: &Argument<'_>) -> TokenStream {
    let ident = &argument.ident;
    match argument.form {
        Form::Owned(_) | Form::Text | Form::Bytes => quote!(#ident),
        Form::Lent(_) | Form::Slice(_) => quote!(&#ident),
    }
}

/// What the handler owns of an argument.
fn owned(argument: &Argument<'_>) -> TokenStream {
    let span = span(argument);
    match &argument.form {
        Form::Owned(ty) | Form::Lent(ty) => quote!(#ty),
        Form::Slice(ty) => quote_spanned!(span=> ::std::vec::Vec<#ty>),
        Form::Text => quote_spanned!(span=> ::std::string::String),
        Form::Bytes => quote_spanned!(span=> ::std::vec::Vec<::core::primitive::u8>),
    }
}

fn wire(argument: &Argument<'_>, krate: &Path) -> TokenStream {
    let ty = owned(argument);
    quote_spanned!(span(argument)=> <#ty as #krate::__private::Wire>)
}

/// Where errors about an argument point: its type, without `&`.
fn span(argument: &Argument<'_>) -> Span {
    match &argument.form {
        Form::Owned(ty) | Form::Lent(ty) | Form::Slice(ty) => ty.span(),
        Form::Text | Form::Bytes => argument.declared.span(),
    }
}
