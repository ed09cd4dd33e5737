#[cfg(feature = "sales")]
#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
trait r#Shop: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn close(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
#[cfg(feature = "sales")]
/// The client's stub of [`Shop`]: its methods, each a [`Call`](::rpc::Call). Cheap to clone.
#[allow(dead_code)]
struct ShopClient(::rpc::__private::Binding);
#[cfg(feature = "sales")]
/// Serves an implementation of [`Shop`]: give it to [`Server::add`](::rpc::Server::add).
#[allow(dead_code)]
struct ShopServer<S>(::std::sync::Arc<S>);
#[cfg(feature = "sales")]
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        close,
    }
    static __SERVICE: ::rpc::__private::Descriptor = ::rpc::__private::Descriptor {
        name: "Shop",
        version: (1, 0),
        methods: &[
            ::rpc::__private::Method {
                name: "close",
                path: "Shop.close",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <() as ::rpc::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl ShopClient {
        fn close(&self) -> ::rpc::Call<'_, ()> {
            ::rpc::__private::arguments(&self.0)
                .call(__Index::close as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::rpc::Client for ShopClient {
        fn descriptor() -> &'static ::rpc::__private::Descriptor {
            &__SERVICE
        }
        fn from_binding(binding: ::rpc::__private::Binding) -> Self {
            Self(binding)
        }
        fn as_binding(client: &Self) -> &::rpc::__private::Binding {
            &client.0
        }
    }
    #[automatically_derived]
    impl ::core::clone::Clone for ShopClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for ShopClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("ShopClient")
        }
    }
    #[allow(dead_code)]
    impl<S: r#Shop> ShopServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for ShopServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for ShopServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("ShopServer")
        }
    }
    impl<__Service: r#Shop> ShopServer<__Service> {
        const __HANDLERS: &'static [fn(
            &::std::sync::Arc<__Service>,
            ::rpc::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<::rpc::__private::Handler>>] = &[
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let () = match __call.read(|__args| ::core::result::Result::Ok(())) {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as r#Shop>::close(&__service).await;
                    __call.reply(__reply, <() as ::rpc::__private::Returns>::encode)
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: r#Shop> ::rpc::__private::Service for ShopServer<__Service> {
        fn descriptor(&self) -> &'static ::rpc::__private::Descriptor {
            &__SERVICE
        }
        fn dispatch(
            &self,
            method: ::core::primitive::u16,
            call: ::rpc::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<::rpc::__private::Handler>> {
            match Self::__HANDLERS.get(method as ::core::primitive::usize) {
                ::core::option::Option::Some(handler) => handler(&self.0, call),
                ::core::option::Option::None => ::rpc::__private::no_such_method(call),
            }
        }
    }
};
#[cfg(feature = "sales")]
#[cfg(test)]
#[::core::prelude::v1::test]
#[allow(non_snake_case)]
fn schema_lock_of_Shop() {
    ::rpc::__private::assert_locked(
        <ShopClient as ::rpc::Client>::descriptor(),
        ::core::env!("CARGO_MANIFEST_DIR"),
        "schemas/shop.schema",
    );
}
