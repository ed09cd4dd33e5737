#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
pub trait Greeter: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn name(
        &self,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send;
    fn greet(
        &self,
        mut times: u32,
    ) -> impl ::core::future::Future<
        Output = Result<String, u8>,
    > + ::core::marker::Send {
        async move {
            times += 1;
            Ok(self.name().await.repeat(times.try_into().map_err(|_| 1)?))
        }
    }
}
/// The client's stub of [`Greeter`]: its methods, each a [`Call`](::carnegie::Call). Cheap to clone.
#[allow(dead_code)]
pub struct GreeterClient(::carnegie::__private::Binding);
/// Serves an implementation of [`Greeter`]: give it to [`Server::add`](::carnegie::Server::add).
#[allow(dead_code)]
pub struct GreeterServer<S>(::std::sync::Arc<S>);
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        name,
        greet,
    }
    static __SERVICE: ::carnegie::__private::Descriptor = ::carnegie::__private::Descriptor {
        name: "Greeter",
        version: (1, 0),
        methods: &[
            ::carnegie::__private::Method {
                name: "name",
                path: "Greeter.name",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <String as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "greet",
                path: "Greeter.greet",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "times",
                        describe: <u32 as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <Result<String, u8> as ::carnegie::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl GreeterClient {
        pub fn name(&self) -> ::carnegie::Call<'_, String> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::name as ::core::primitive::u16)
        }
        pub fn greet(&self, times: u32) -> ::carnegie::Call<'_, Result<String, u8>> {
            ::carnegie::__private::arguments(&self.0)
                .owned(times, <u32 as ::carnegie::__private::Wire>::write)
                .call(__Index::greet as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::carnegie::Client for GreeterClient {
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
    impl ::core::clone::Clone for GreeterClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for GreeterClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("GreeterClient")
        }
    }
    #[allow(dead_code)]
    impl<S: Greeter> GreeterServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        pub fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for GreeterServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for GreeterServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("GreeterServer")
        }
    }
    impl<__Service: Greeter> GreeterServer<__Service> {
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
                    let __reply = <__Service as Greeter>::name(&__service).await;
                    __call
                        .reply(
                            __reply,
                            <String as ::carnegie::__private::Returns>::encode,
                        )
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (times,) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <u32 as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as Greeter>::greet(&__service, times).await;
                    __call
                        .reply(
                            __reply,
                            <Result<
                                String,
                                u8,
                            > as ::carnegie::__private::Returns>::encode,
                        )
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: Greeter> ::carnegie::__private::Service
    for GreeterServer<__Service> {
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
