#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
trait S: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn s(
        &self,
        s: super::S,
    ) -> impl ::core::future::Future<Output = super::S> + ::core::marker::Send;
}
/// The client's stub of [`S`]: its methods, each a [`Call`](::carnegie::Call). Cheap to clone.
#[allow(dead_code)]
struct SClient(::carnegie::__private::Binding);
/// Serves an implementation of [`S`]: give it to [`Server::add`](::carnegie::Server::add).
#[allow(dead_code)]
struct SServer<S>(::std::sync::Arc<S>);
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        s,
    }
    static __SERVICE: ::carnegie::__private::Descriptor = ::carnegie::__private::Descriptor {
        name: "S",
        version: (1, 0),
        methods: &[
            ::carnegie::__private::Method {
                name: "s",
                path: "S.s",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "s",
                        describe: <super::S as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <super::S as ::carnegie::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl SClient {
        fn s(&self, s: super::S) -> ::carnegie::Call<'_, super::S> {
            ::carnegie::__private::arguments(&self.0)
                .owned(s, <super::S as ::carnegie::__private::Wire>::write)
                .call(__Index::s as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::carnegie::Client for SClient {
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
    impl ::core::clone::Clone for SClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for SClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("SClient")
        }
    }
    #[allow(dead_code)]
    impl<T: S> SServer<T> {
        /// Serves `service`, which belongs to the server from now on.
        fn new(service: T) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for SServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for SServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("SServer")
        }
    }
    impl<__Service: S> SServer<__Service> {
        const __HANDLERS: &'static [fn(
            &::std::sync::Arc<__Service>,
            ::carnegie::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<::carnegie::__private::Handler>>] = &[
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (s,) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <super::S as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as S>::s(&__service, s).await;
                    __call
                        .reply(
                            __reply,
                            <super::S as ::carnegie::__private::Returns>::encode,
                        )
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: S> ::carnegie::__private::Service for SServer<__Service> {
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
