//! The table of the methods, which the handshake compares with the other side's.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use std::time::Duration;

use super::{argument, client};
use crate::service::attr::Version;
use crate::service::model::{Method, Service};

/// ```text
/// Input:  the methods `free` and `sell`
/// Output: enum __Index { free, sell }
/// ```
///
/// An enum, so that methods under `#[cfg]` number themselves.
pub(super) fn index(service: &Service<'_>) -> TokenStream {
    let variants = service.methods.iter().map(|method| {
        let (cfg, ident) = (&method.carried.cfg, method.ident);
        quote!(#(#cfg)* #ident)
    });
    quote! {
        #[allow(non_camel_case_types, dead_code)]
        enum __Index { #(#variants),* }
    }
}

/// ```text
/// Input:  the service
/// Output: static __SERVICE: Descriptor = Descriptor { name: "BoxOffice", version: (1, 1), methods: &[..] };
/// ```
pub(super) fn table(service: &Service<'_>) -> TokenStream {
    let (krate, name) = (&service.krate, &service.name);
    let version = version(service.version.unwrap_or_default());
    let methods = service.methods.iter().map(|method| entry(service, method));
    quote! {
        static __SERVICE: #krate::__private::Descriptor = #krate::__private::Descriptor {
            name: #name,
            version: #version,
            methods: &[#(#methods),*],
        };
    }
}

/// ```text
/// Input:  #[rpc(idempotent)] async fn free(&self) -> u32;
/// Output: Method { name: "free", idempotent: true, .., returns: <u32 as Returns>::describe }
/// ```
fn entry(service: &Service<'_>, method: &Method<'_>) -> TokenStream {
    let krate = &service.krate;
    let (cfg, name) = (&method.carried.cfg, &method.name);
    let path = format!("{}.{name}", service.name);
    let (idempotent, blocking) = (method.options.idempotent, method.options.blocking);
    let timeout = option(method.options.timeout.map(duration));
    let since = option(method.options.since.as_ref().map(|since| version(since.value)));
    let arguments = method.arguments.iter().map(|argument| argument::describe(argument, krate));
    let (returns, span) = (client::wrapped(method, krate), method.returns.span);
    let returns = quote_spanned!(span=> <#returns as #krate::__private::Returns>::describe);
    quote! {
        #(#cfg)*
        #krate::__private::Method {
            name: #name,
            path: #path,
            idempotent: #idempotent,
            blocking: #blocking,
            timeout: #timeout,
            since: #since,
            arguments: &[#(#arguments),*],
            returns: #returns,
        }
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn version((major, minor): Version) -> TokenStream {
    let (major, minor) = (Literal::u16_unsuffixed(major), Literal::u16_unsuffixed(minor));
    quote!((#major, #minor))
}

/// In the largest unit that is exact, as a person would have written it.
fn duration(timeout: Duration) -> TokenStream {
    // At most a day, so microseconds fit.
    let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
    if micros.is_multiple_of(1_000_000) {
        let seconds = Literal::u64_unsuffixed(micros / 1_000_000);
        quote!(::core::time::Duration::from_secs(#seconds))
    } else if micros.is_multiple_of(1_000) {
        let millis = Literal::u64_unsuffixed(micros / 1_000);
        quote!(::core::time::Duration::from_millis(#millis))
    } else {
        let micros = Literal::u64_unsuffixed(micros);
        quote!(::core::time::Duration::from_micros(#micros))
    }
}
