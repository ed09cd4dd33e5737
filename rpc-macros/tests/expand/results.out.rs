#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
trait Results: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn opaque(
        &self,
    ) -> impl ::core::future::Future<Output = geo::Point> + ::core::marker::Send;
    fn opaque_result(
        &self,
    ) -> impl ::core::future::Future<
        Output = Result<geo::Point, Refused>,
    > + ::core::marker::Send;
    fn alias(
        &self,
    ) -> impl ::core::future::Future<Output = Booked<Ticket>> + ::core::marker::Send;
}
/// The client's stub of [`Results`]: its methods, each a [`Call`](::carnegie::Call). Cheap to clone.
#[allow(dead_code)]
struct ResultsClient(::carnegie::__private::Binding);
/// Serves an implementation of [`Results`]: give it to [`Server::add`](::carnegie::Server::add).
#[allow(dead_code)]
struct ResultsServer<S>(::std::sync::Arc<S>);
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        opaque,
        opaque_result,
        alias,
    }
    static __SERVICE: ::carnegie::__private::Descriptor = ::carnegie::__private::Descriptor {
        name: "Results",
        version: (1, 0),
        methods: &[
            ::carnegie::__private::Method {
                name: "opaque",
                path: "Results.opaque",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <::carnegie::__private::Opaque<
                    geo::Point,
                > as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "opaque_result",
                path: "Results.opaque_result",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <::carnegie::__private::OpaqueResult<
                    geo::Point,
                    Refused,
                > as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "alias",
                path: "Results.alias",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <Booked<Ticket> as ::carnegie::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl ResultsClient {
        fn opaque(
            &self,
        ) -> ::carnegie::Call<'_, ::carnegie::__private::Opaque<geo::Point>> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::opaque as ::core::primitive::u16)
        }
        fn opaque_result(
            &self,
        ) -> ::carnegie::Call<
            '_,
            ::carnegie::__private::OpaqueResult<geo::Point, Refused>,
        > {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::opaque_result as ::core::primitive::u16)
        }
        fn alias(&self) -> ::carnegie::Call<'_, Booked<Ticket>> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::alias as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::carnegie::Client for ResultsClient {
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
    impl ::core::clone::Clone for ResultsClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for ResultsClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("ResultsClient")
        }
    }
    #[allow(dead_code)]
    impl<S: Results> ResultsServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for ResultsServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for ResultsServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("ResultsServer")
        }
    }
    impl<__Service: Results> ResultsServer<__Service> {
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
                    let __reply = ::carnegie::__private::Opaque(
                        <__Service as Results>::opaque(&__service).await,
                    );
                    __call
                        .reply(
                            __reply,
                            <::carnegie::__private::Opaque<
                                geo::Point,
                            > as ::carnegie::__private::Returns>::encode,
                        )
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
                    let __reply = ::carnegie::__private::OpaqueResult(
                        <__Service as Results>::opaque_result(&__service).await,
                    );
                    __call
                        .reply(
                            __reply,
                            <::carnegie::__private::OpaqueResult<
                                geo::Point,
                                Refused,
                            > as ::carnegie::__private::Returns>::encode,
                        )
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
                    let __reply = <__Service as Results>::alias(&__service).await;
                    __call
                        .reply(
                            __reply,
                            <Booked<Ticket> as ::carnegie::__private::Returns>::encode,
                        )
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: Results> ::carnegie::__private::Service
    for ResultsServer<__Service> {
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
