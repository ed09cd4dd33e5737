#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
pub trait r#Type: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn r#type(&self) -> impl ::core::future::Future<Output = u32> + ::core::marker::Send;
    fn new(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn clone(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
/// The client's stub of [`Type`]: its methods, each a [`Call`](::carnegie::Call). Cheap to clone.
#[allow(dead_code)]
pub struct TypeClient(::carnegie::__private::Binding);
/// Serves an implementation of [`Type`]: give it to [`Server::add`](::carnegie::Server::add).
#[allow(dead_code)]
pub struct TypeServer<S>(::std::sync::Arc<S>);
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        r#type,
        new,
        clone,
    }
    static __SERVICE: ::carnegie::__private::Descriptor = ::carnegie::__private::Descriptor {
        name: "Type",
        version: (1, 0),
        methods: &[
            ::carnegie::__private::Method {
                name: "type",
                path: "Type.type",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <u32 as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "new",
                path: "Type.new",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <() as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "clone",
                path: "Type.clone",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <() as ::carnegie::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl TypeClient {
        pub fn r#type(&self) -> ::carnegie::Call<'_, u32> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::r#type as ::core::primitive::u16)
        }
        pub fn new(&self) -> ::carnegie::Call<'_, ()> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::new as ::core::primitive::u16)
        }
        pub fn clone(&self) -> ::carnegie::Call<'_, ()> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::clone as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::carnegie::Client for TypeClient {
        fn descriptor() -> &'static ::carnegie::__private::Descriptor {
            &__SERVICE
        }
        fn from_binding(binding: ::carnegie::__private::Binding) -> Self {
            Self(binding)
        }
        fn as_binding(client: &Self) -> &::carnegie::__private::Binding {
            &client.0
        }
    }
    #[automatically_derived]
    impl ::core::clone::Clone for TypeClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for TypeClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("TypeClient")
        }
    }
    #[allow(dead_code)]
    impl<S: r#Type> TypeServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        pub fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for TypeServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for TypeServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("TypeServer")
        }
    }
    impl<__Service: r#Type> TypeServer<__Service> {
        const __HANDLERS: &'static [fn(
            &::std::sync::Arc<__Service>,
            ::carnegie::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<::carnegie::__private::Handler>>] = &[
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let () = match __call.read(|__args| ::core::result::Result::Ok(())) {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as r#Type>::r#type(&__service).await;
                    __call
                        .reply(__reply, <u32 as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let () = match __call.read(|__args| ::core::result::Result::Ok(())) {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as r#Type>::new(&__service).await;
                    __call.reply(__reply, <() as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let () = match __call.read(|__args| ::core::result::Result::Ok(())) {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as r#Type>::clone(&__service).await;
                    __call.reply(__reply, <() as ::carnegie::__private::Returns>::encode)
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: r#Type> ::carnegie::__private::Service for TypeServer<__Service> {
        fn descriptor(&self) -> &'static ::carnegie::__private::Descriptor {
            &__SERVICE
        }
        fn dispatch(
            &self,
            method: ::core::primitive::u16,
            call: ::carnegie::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<::carnegie::__private::Handler>> {
            match Self::__HANDLERS.get(method as ::core::primitive::usize) {
                ::core::option::Option::Some(handler) => handler(&self.0, call),
                ::core::option::Option::None => {
                    ::carnegie::__private::no_such_method(call)
                }
            }
        }
    }
};
