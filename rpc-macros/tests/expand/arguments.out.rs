#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
trait Arguments: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn none(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn owned(
        &self,
        seat: u32,
        name: Option<String>,
    ) -> impl ::core::future::Future<Output = u32> + ::core::marker::Send;
    fn lent(
        &self,
        ticket: &Ticket,
        all: &[Ticket],
        name: &str,
        photo: &[u8],
    ) -> impl ::core::future::Future<Output = u32> + ::core::marker::Send;
    fn context(
        &self,
        cx: &Context,
        seat: u32,
    ) -> impl ::core::future::Future<Output = u32> + ::core::marker::Send;
    fn context_unnamed(
        &self,
        _: &carnegie::Context,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn opaque(
        &self,
        point: geo::Point,
        line: &[geo::Point],
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn raw(
        &self,
        r#type: u8,
        call: u8,
        service: u8,
    ) -> impl ::core::future::Future<Output = u8> + ::core::marker::Send;
}
/// The client's stub of [`Arguments`]: its methods, each a [`Call`](::carnegie::Call). Cheap to clone.
#[allow(dead_code)]
struct ArgumentsClient(::carnegie::__private::Binding);
/// Serves an implementation of [`Arguments`]: give it to [`Server::add`](::carnegie::Server::add).
#[allow(dead_code)]
struct ArgumentsServer<S>(::std::sync::Arc<S>);
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        none,
        owned,
        lent,
        context,
        context_unnamed,
        opaque,
        raw,
    }
    static __SERVICE: ::carnegie::__private::Descriptor = ::carnegie::__private::Descriptor {
        name: "Arguments",
        version: (1, 0),
        methods: &[
            ::carnegie::__private::Method {
                name: "none",
                path: "Arguments.none",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <() as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "owned",
                path: "Arguments.owned",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "seat",
                        describe: <u32 as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "name",
                        describe: <Option<
                            String,
                        > as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <u32 as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "lent",
                path: "Arguments.lent",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "ticket",
                        describe: <Ticket as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "all",
                        describe: <::std::vec::Vec<
                            Ticket,
                        > as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "name",
                        describe: <::std::string::String as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "photo",
                        describe: <::std::vec::Vec<
                            ::core::primitive::u8,
                        > as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <u32 as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "context",
                path: "Arguments.context",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "seat",
                        describe: <u32 as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <u32 as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "context_unnamed",
                path: "Arguments.context_unnamed",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <() as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "opaque",
                path: "Arguments.opaque",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "point",
                        describe: <::carnegie::__private::Opaque<
                            geo::Point,
                        > as ::carnegie::__private::Returns>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "line",
                        describe: <::carnegie::__private::Opaque<
                            ::std::vec::Vec<geo::Point>,
                        > as ::carnegie::__private::Returns>::describe,
                    },
                ],
                returns: <() as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "raw",
                path: "Arguments.raw",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "type",
                        describe: <u8 as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "call",
                        describe: <u8 as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "service",
                        describe: <u8 as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <u8 as ::carnegie::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl ArgumentsClient {
        fn none(&self) -> ::carnegie::Call<'_, ()> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::none as ::core::primitive::u16)
        }
        fn owned(&self, seat: u32, name: Option<String>) -> ::carnegie::Call<'_, u32> {
            ::carnegie::__private::arguments(&self.0)
                .owned(seat, <u32 as ::carnegie::__private::Wire>::write)
                .owned(name, <Option<String> as ::carnegie::__private::Wire>::write)
                .call(__Index::owned as ::core::primitive::u16)
        }
        fn lent(
            &self,
            ticket: &Ticket,
            all: &[Ticket],
            name: &str,
            photo: &[u8],
        ) -> ::carnegie::Call<'_, u32> {
            ::carnegie::__private::arguments(&self.0)
                .value(ticket, <Ticket as ::carnegie::__private::Wire>::write)
                .slice::<Ticket>(all)
                .str(name)
                .bytes(photo)
                .call(__Index::lent as ::core::primitive::u16)
        }
        fn context(&self, seat: u32) -> ::carnegie::Call<'_, u32> {
            ::carnegie::__private::arguments(&self.0)
                .owned(seat, <u32 as ::carnegie::__private::Wire>::write)
                .call(__Index::context as ::core::primitive::u16)
        }
        fn context_unnamed(&self) -> ::carnegie::Call<'_, ()> {
            ::carnegie::__private::arguments(&self.0)
                .call(__Index::context_unnamed as ::core::primitive::u16)
        }
        fn opaque(
            &self,
            point: geo::Point,
            line: &[geo::Point],
        ) -> ::carnegie::Call<'_, ()> {
            ::carnegie::__private::arguments(&self.0)
                .opaque(&point)
                .slice::<geo::Point>(line)
                .call(__Index::opaque as ::core::primitive::u16)
        }
        fn raw(&self, r#type: u8, call: u8, service: u8) -> ::carnegie::Call<'_, u8> {
            ::carnegie::__private::arguments(&self.0)
                .owned(r#type, <u8 as ::carnegie::__private::Wire>::write)
                .owned(call, <u8 as ::carnegie::__private::Wire>::write)
                .owned(service, <u8 as ::carnegie::__private::Wire>::write)
                .call(__Index::raw as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::carnegie::Client for ArgumentsClient {
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
    impl ::core::clone::Clone for ArgumentsClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for ArgumentsClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("ArgumentsClient")
        }
    }
    #[allow(dead_code)]
    impl<S: Arguments> ArgumentsServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for ArgumentsServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for ArgumentsServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("ArgumentsServer")
        }
    }
    impl<__Service: Arguments> ArgumentsServer<__Service> {
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
                    let __reply = <__Service as Arguments>::none(&__service).await;
                    __call.reply(__reply, <() as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (seat, name) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <u32 as ::carnegie::__private::Wire>::read(__args)?,
                            <Option<
                                String,
                            > as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as Arguments>::owned(&__service, seat, name)
                        .await;
                    __call
                        .reply(__reply, <u32 as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (ticket, all, name, photo) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <Ticket as ::carnegie::__private::Wire>::read(__args)?,
                            <::std::vec::Vec<
                                Ticket,
                            > as ::carnegie::__private::Wire>::read(__args)?,
                            __args.str()?,
                            __args.bytes()?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as Arguments>::lent(
                            &__service,
                            &ticket,
                            &all,
                            name,
                            photo,
                        )
                        .await;
                    __call
                        .reply(__reply, <u32 as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (seat,) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <u32 as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __context: &Context = ::carnegie::__private::context(&__call);
                    let __reply = <__Service as Arguments>::context(
                            &__service,
                            __context,
                            seat,
                        )
                        .await;
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
                    let __context: &carnegie::Context = ::carnegie::__private::context(
                        &__call,
                    );
                    let __reply = <__Service as Arguments>::context_unnamed(
                            &__service,
                            __context,
                        )
                        .await;
                    __call.reply(__reply, <() as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (point, line) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            __args.value::<geo::Point>()?,
                            __args.value::<::std::vec::Vec<geo::Point>>()?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as Arguments>::opaque(
                            &__service,
                            point,
                            &line,
                        )
                        .await;
                    __call.reply(__reply, <() as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (r#type, call, service) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <u8 as ::carnegie::__private::Wire>::read(__args)?,
                            <u8 as ::carnegie::__private::Wire>::read(__args)?,
                            <u8 as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as Arguments>::raw(
                            &__service,
                            r#type,
                            call,
                            service,
                        )
                        .await;
                    __call.reply(__reply, <u8 as ::carnegie::__private::Returns>::encode)
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: Arguments> ::carnegie::__private::Service
    for ArgumentsServer<__Service> {
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
