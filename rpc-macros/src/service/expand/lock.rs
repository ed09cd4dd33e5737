//! The test that compares the service with its lock file.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::service::model::Service;
use crate::text::unraw;

/// ```text
/// Input:  #[service(lock = "box_office.schema")] trait BoxOffice
/// Output: #[test] fn schema_lock_of_BoxOffice() { assert_locked(.., "box_office.schema") }
/// ```
///
/// It stands beside the trait, since the test harness does not look into anonymous constants. `test` by its path, since
/// the user may have another attribute of this name in scope, or no prelude.
pub(super) fn test(service: &Service<'_>) -> Option<TokenStream> {
    let file = service.lock.as_ref()?;
    let (cfg, krate, client) = (&service.carried.cfg, &service.krate, &service.client);
    let name = format_ident!("schema_lock_of_{}", unraw(service.ident));
    Some(quote! {
        #(#cfg)*
        #[cfg(test)]
        #[::core::prelude::v1::test]
        #[allow(non_snake_case)]
        fn #name() {
            #krate::__private::assert_locked(
                <#client as #krate::Client>::descriptor(),
                ::core::env!("CARGO_MANIFEST_DIR"),
                #file,
            );
        }
    })
}
