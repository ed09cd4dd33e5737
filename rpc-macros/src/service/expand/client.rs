//! The client's half: one struct, one method for each of the trait's.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::argument;
use crate::service::model::{Method, Opaque, Service};
use crate::text::{spelled, unraw};

/// ```text
/// Input:  trait BoxOffice
/// Output: struct BoxOfficeClient(Binding);
/// ```
pub(super) fn definition(service: &Service<'_>) -> TokenStream {
    let (vis, client, krate) = (service.vis, &service.client, &service.krate);
    let (cfg, notes) = (&service.carried.cfg, super::not_docs(service));
    let about = format!(
        " The client's stub of [`{}`]: its methods, each a [`Call`]({}::Call). Cheap to clone.",
        unraw(service.ident),
        spelled(krate)
    );
    quote! {
        #(#cfg)*
        #(#notes)*
        #[doc = #about]
        #[allow(dead_code)]
        #vis struct #client(#krate::__private::Binding);
    }
}

/// ```text
/// Input:  trait BoxOffice
/// Output: impl BoxOfficeClient { .. }  impl Client, Clone, Debug for BoxOfficeClient { .. }
/// ```
///
/// Nothing but the trait's methods is inherent, so that no name is taken.
pub(super) fn code(service: &Service<'_>) -> TokenStream {
    let (client, krate) = (&service.client, &service.krate);
    let stubs = service.methods.iter().map(|method| stub(method, service));
    let name = unraw(client);
    quote! {
        #[allow(dead_code)]
        impl #client { #(#stubs)* }

        #[automatically_derived]
        impl #krate::Client for #client {
            fn descriptor() -> &'static #krate::__private::Descriptor { &__SERVICE }
            fn from_binding(binding: #krate::__private::Binding) -> Self { Self(binding) }
            fn as_binding(client: &Self) -> &#krate::__private::Binding { &client.0 }
        }

        #[automatically_derived]
        impl ::core::clone::Clone for #client {
            fn clone(&self) -> Self { Self(::core::clone::Clone::clone(&self.0)) }
        }

        #[automatically_derived]
        impl ::core::fmt::Debug for #client {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result { f.write_str(#name) }
        }
    }
}

/// ```text
/// Input:  async fn sell(&self, seat: u32, holder: &str) -> Ticket;
/// Output: fn sell(&self, seat: u32, holder: &str) -> Call<'_, Ticket> {
///             arguments(&self.0).owned(seat, <u32 as Wire>::write).str(holder).call(__Index::sell as u16)
///         }
/// ```
fn stub(method: &Method<'_>, service: &Service<'_>) -> TokenStream {
    let (vis, krate, ident) = (service.vis, &service.krate, method.ident);
    let (cfg, shown) = (&method.carried.cfg, &method.carried.shown);
    let parameters = method.arguments.iter().map(|argument| {
        let (ident, ty) = (&argument.ident, argument.declared);
        quote!(#ident: #ty)
    });
    let writes = method.arguments.iter().map(|argument| argument::write(argument, krate));
    let returns = wrapped(method, krate);
    quote! {
        #(#cfg)*
        #(#shown)*
        #vis fn #ident(&self, #(#parameters),*) -> #krate::Call<'_, #returns> {
            #krate::__private::arguments(&self.0)
                #(#writes)*
                .call(__Index::#ident as ::core::primitive::u16)
        }
    }
}

/// The result's type, wrapped if its structure is hidden.
///
/// ```text
/// Input:  -> Ticket               #[rpc(opaque)] -> Point    #[rpc(opaque)] -> Result<Point, Refused>
/// Output: Ticket                  Opaque<Point>              OpaqueResult<Point, Refused>
/// ```
pub(super) fn wrapped(method: &Method<'_>, krate: &syn::Path) -> TokenStream {
    let (ty, span) = (&method.returns.ty, method.returns.span);
    match &method.returns.opaque {
        None => quote!(#ty),
        Some(Opaque::Plain | Opaque::Unclear) => quote_spanned!(span=> #krate::__private::Opaque<#ty>),
        Some(Opaque::Fallible(value, error)) => {
            quote_spanned!(span=> #krate::__private::OpaqueResult<#value, #error>)
        }
    }
}
