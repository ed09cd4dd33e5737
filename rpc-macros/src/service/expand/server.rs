//! The server's half: one struct around an implementation, one handler for each method.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{argument, client, local};
use crate::service::model::{Method, Opaque, Service};
use crate::text::{spelled, unraw};

/// ```text
/// Input:  trait BoxOffice
/// Output: struct BoxOfficeServer<S>(Arc<S>);
/// ```
pub(super) fn definition(service: &Service<'_>) -> TokenStream {
    let (vis, server) = (service.vis, &service.server);
    let (cfg, notes) = (&service.carried.cfg, super::not_docs(service));
    let about = format!(
        " Serves an implementation of [`{}`]: give it to [`Server::add`]({}::Server::add).",
        unraw(service.ident),
        spelled(&service.krate)
    );
    quote! {
        #(#cfg)*
        #(#notes)*
        #[doc = #about]
        #[allow(dead_code)]
        #vis struct #server<S>(::std::sync::Arc<S>);
    }
}

/// ```text
/// Input:  trait BoxOffice
/// Output: impl<S: BoxOffice> BoxOfficeServer<S> { fn new(service: S) -> Self { .. } }
///         impl From<Arc<S>>, Debug, Service for BoxOfficeServer<S> { .. }
/// ```
pub(super) fn code(service: &Service<'_>) -> TokenStream {
    let (vis, ident, server) = (service.vis, service.ident, &service.server);
    let name = unraw(server);
    let dispatch = dispatch(service);
    // A trait may be called `S` too.
    let parameter = format_ident!("{}", if ident == "S" { "T" } else { "S" });
    quote! {
        #[allow(dead_code)]
        impl<#parameter: #ident> #server<#parameter> {
            /// Serves `service`, which belongs to the server from now on.
            #vis fn new(service: #parameter) -> Self { Self(::std::sync::Arc::new(service)) }
        }

        #[automatically_derived]
        impl<S> ::core::convert::From<::std::sync::Arc<S>> for #server<S> {
            fn from(service: ::std::sync::Arc<S>) -> Self { Self(service) }
        }

        #[automatically_derived]
        impl<S> ::core::fmt::Debug for #server<S> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result { f.write_str(#name) }
        }

        #dispatch
    }
}

/// The handlers as an array, so that finding one is one access.
///
/// ```text
/// Input:  the methods `free` and `sell`
/// Output: const __HANDLERS: &[fn(&Arc<S>, Incoming) -> Pin<Box<Handler>>] = &[/* free */, /* sell */];
///         impl<S: BoxOffice> Service for BoxOfficeServer<S> { .. }
/// ```
///
/// The type parameter is not `S` here, since the user's types stand in this code and one may have that name.
fn dispatch(service: &Service<'_>) -> TokenStream {
    let (krate, ident, server) = (&service.krate, service.ident, &service.server);
    let handlers = service.methods.iter().map(|method| handler(method, service));
    let pinned = quote!(::core::pin::Pin<::std::boxed::Box<#krate::__private::Handler>>);
    let incoming = quote!(#krate::__private::Incoming);
    quote! {
        impl<__Service: #ident> #server<__Service> {
            const __HANDLERS: &'static [fn(&::std::sync::Arc<__Service>, #incoming) -> #pinned] = &[#(#handlers),*];
        }

        #[automatically_derived]
        impl<__Service: #ident> #krate::__private::Service for #server<__Service> {
            fn descriptor(&self) -> &'static #krate::__private::Descriptor { &__SERVICE }
            fn dispatch(&self, method: ::core::primitive::u16, call: #incoming) -> #pinned {
                match Self::__HANDLERS.get(method as ::core::primitive::usize) {
                    ::core::option::Option::Some(handler) => handler(&self.0, call),
                    ::core::option::Option::None => #krate::__private::no_such_method(call),
                }
            }
        }
    }
}

/// ```text
/// Input:  async fn sell(&self, seat: u32) -> Ticket;
/// Output: |__service, __call| {
///             let __service = Clone::clone(__service);
///             Box::pin(async move {
///                 let (seat,) = match __call.read(|__args| Ok((<u32 as Wire>::read(__args)?,))) { .. };
///                 let __reply = <S as BoxOffice>::sell(&__service, seat).await;
///                 __call.reply(__reply, <Ticket as Returns>::encode)
///             })
///         }
/// ```
///
/// The future owns the arguments and lends them to the user's handler.
fn handler(method: &Method<'_>, service: &Service<'_>) -> TokenStream {
    let krate = &service.krate;
    let (cfg, ident, of) = (&method.carried.cfg, method.ident, service.ident);
    let [server, call, args, all, error, reply, context] =
        ["service", "call", "args", "all", "error", "reply", "context"].map(local);
    let names = method.arguments.iter().map(|argument| &argument.ident);
    let reads = method.arguments.iter().map(|argument| argument::read(argument, &args, krate));
    let lent = method.arguments.iter().map(|argument| argument::lend(argument));
    let (borrow, pass) = match &method.context {
        None => (None, None),
        Some(parameter) => {
            let (ty, span) = (parameter.ty, parameter.ty.span());
            let krate = super::at(krate, span);
            let borrow = quote_spanned!(span=> let #context: #ty = #krate::__private::context(&#call););
            (Some(borrow), Some(quote!(#context,)))
        }
    };
    let wrapped = client::wrapped(method, krate);
    let answer = quote!(<__Service as #of>::#ident(&#server, #pass #(#lent),*).await);
    let answer = match method.returns.opaque {
        None => answer,
        Some(Opaque::Plain | Opaque::Unclear) => quote!(#krate::__private::Opaque(#answer)),
        Some(Opaque::Fallible(..)) => quote!(#krate::__private::OpaqueResult(#answer)),
    };
    let encode = quote_spanned!(method.returns.span=> <#wrapped as #krate::__private::Returns>::encode);
    quote! {
        #(#cfg)*
        |#server, #call| {
            let #server = ::core::clone::Clone::clone(#server);
            ::std::boxed::Box::pin(async move {
                let (#(#names,)*) = match #call.read(|#args| ::core::result::Result::Ok((#(#reads,)*))) {
                    ::core::result::Result::Ok(#all) => #all,
                    ::core::result::Result::Err(#error) => return #call.malformed(#error),
                };
                #borrow
                let #reply = #answer;
                #call.reply(#reply, #encode)
            })
        }
    }
}
