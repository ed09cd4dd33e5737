#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
pub trait BoxOffice: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Safe to run again: retried freely, never recorded.
    fn free_seats(
        &self,
        section: Section,
    ) -> impl ::core::future::Future<Output = u32> + ::core::marker::Send;
    /// Sells the next free seat.
    fn sell(
        &self,
        order: u64,
        section: Section,
        holder: &str,
    ) -> impl ::core::future::Future<
        Output = Result<Ticket, Refused>,
    > + ::core::marker::Send;
    fn refund(
        &self,
        ticket: Ticket,
    ) -> impl ::core::future::Future<
        Output = Result<(), Refused>,
    > + ::core::marker::Send;
}
/// The client's stub of [`BoxOffice`]: its methods, each a [`Call`](::carnegie::Call). Cheap to clone.
#[allow(dead_code)]
pub struct BoxOfficeClient(::carnegie::__private::Binding);
/// Serves an implementation of [`BoxOffice`]: give it to [`Server::add`](::carnegie::Server::add).
#[allow(dead_code)]
pub struct BoxOfficeServer<S>(::std::sync::Arc<S>);
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        free_seats,
        sell,
        refund,
    }
    static __SERVICE: ::carnegie::__private::Descriptor = ::carnegie::__private::Descriptor {
        name: "BoxOffice",
        version: (1, 1),
        methods: &[
            ::carnegie::__private::Method {
                name: "free_seats",
                path: "BoxOffice.free_seats",
                idempotent: true,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "section",
                        describe: <Section as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <u32 as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "sell",
                path: "BoxOffice.sell",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::Some(
                    ::core::time::Duration::from_secs(2),
                ),
                since: ::core::option::Option::None,
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "order",
                        describe: <u64 as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "section",
                        describe: <Section as ::carnegie::__private::Wire>::describe,
                    },
                    ::carnegie::__private::Argument {
                        name: "holder",
                        describe: <::std::string::String as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <Result<
                    Ticket,
                    Refused,
                > as ::carnegie::__private::Returns>::describe,
            },
            ::carnegie::__private::Method {
                name: "refund",
                path: "BoxOffice.refund",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::Some((1, 1)),
                arguments: &[
                    ::carnegie::__private::Argument {
                        name: "ticket",
                        describe: <Ticket as ::carnegie::__private::Wire>::describe,
                    },
                ],
                returns: <Result<
                    (),
                    Refused,
                > as ::carnegie::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl BoxOfficeClient {
        /// Safe to run again: retried freely, never recorded.
        pub fn free_seats(&self, section: Section) -> ::carnegie::Call<'_, u32> {
            ::carnegie::__private::arguments(&self.0)
                .owned(section, <Section as ::carnegie::__private::Wire>::write)
                .call(__Index::free_seats as ::core::primitive::u16)
        }
        /// Sells the next free seat.
        pub fn sell(
            &self,
            order: u64,
            section: Section,
            holder: &str,
        ) -> ::carnegie::Call<'_, Result<Ticket, Refused>> {
            ::carnegie::__private::arguments(&self.0)
                .owned(order, <u64 as ::carnegie::__private::Wire>::write)
                .owned(section, <Section as ::carnegie::__private::Wire>::write)
                .str(holder)
                .call(__Index::sell as ::core::primitive::u16)
        }
        pub fn refund(
            &self,
            ticket: Ticket,
        ) -> ::carnegie::Call<'_, Result<(), Refused>> {
            ::carnegie::__private::arguments(&self.0)
                .owned(ticket, <Ticket as ::carnegie::__private::Wire>::write)
                .call(__Index::refund as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl ::carnegie::Client for BoxOfficeClient {
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
    impl ::core::clone::Clone for BoxOfficeClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for BoxOfficeClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("BoxOfficeClient")
        }
    }
    #[allow(dead_code)]
    impl<S: BoxOffice> BoxOfficeServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        pub fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for BoxOfficeServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for BoxOfficeServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("BoxOfficeServer")
        }
    }
    impl<__Service: BoxOffice> BoxOfficeServer<__Service> {
        const __HANDLERS: &'static [fn(
            &::std::sync::Arc<__Service>,
            ::carnegie::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<::carnegie::__private::Handler>>] = &[
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (section,) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <Section as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as BoxOffice>::free_seats(
                            &__service,
                            section,
                        )
                        .await;
                    __call
                        .reply(__reply, <u32 as ::carnegie::__private::Returns>::encode)
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (order, section, holder) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <u64 as ::carnegie::__private::Wire>::read(__args)?,
                            <Section as ::carnegie::__private::Wire>::read(__args)?,
                            __args.str()?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as BoxOffice>::sell(
                            &__service,
                            order,
                            section,
                            holder,
                        )
                        .await;
                    __call
                        .reply(
                            __reply,
                            <Result<
                                Ticket,
                                Refused,
                            > as ::carnegie::__private::Returns>::encode,
                        )
                })
            },
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (ticket,) = match __call
                        .read(|__args| ::core::result::Result::Ok((
                            <Ticket as ::carnegie::__private::Wire>::read(__args)?,
                        )))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as BoxOffice>::refund(&__service, ticket)
                        .await;
                    __call
                        .reply(
                            __reply,
                            <Result<
                                (),
                                Refused,
                            > as ::carnegie::__private::Returns>::encode,
                        )
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: BoxOffice> ::carnegie::__private::Service
    for BoxOfficeServer<__Service> {
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
