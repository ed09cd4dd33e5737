/// A hall.
#[cfg(feature = "hall")]
#[deprecated(note = "use `BoxOffice`")]
#[expect(non_camel_case_types, reason = "as the others are written")]
#[allow(clippy::wrong_self_convention, clippy::trait_duplication_in_bounds)]
pub(crate) trait hall: Clone + Send + ::core::marker::Send + ::core::marker::Sync + 'static {
    /// On Unix.
    #[cfg(unix)]
    fn open(
        &self,
        path: &str,
    ) -> impl ::core::future::Future<Output = u32> + ::core::marker::Send;
    /// Elsewhere.
    #[cfg(not(unix))]
    fn open(
        &self,
        path: &str,
    ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
    #[deprecated]
    #[allow(non_snake_case)]
    #[inline]
    fn oldName(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}
#[cfg(feature = "hall")]
#[deprecated(note = "use `BoxOffice`")]
#[allow(non_camel_case_types, reason = "as the others are written")]
/// The client's stub of [`hall`]: its methods, each a [`Call`](crate::facade::Call). Cheap to clone.
#[allow(dead_code)]
pub(crate) struct hallClient(crate::facade::__private::Binding);
#[cfg(feature = "hall")]
#[deprecated(note = "use `BoxOffice`")]
#[allow(non_camel_case_types, reason = "as the others are written")]
/// Serves an implementation of [`hall`]: give it to [`Server::add`](crate::facade::Server::add).
#[allow(dead_code)]
pub(crate) struct hallServer<S>(::std::sync::Arc<S>);
#[cfg(feature = "hall")]
#[allow(non_camel_case_types, reason = "as the others are written")]
#[allow(deprecated, missing_docs, clippy::all, clippy::pedantic)]
const _: () = {
    #[allow(non_camel_case_types, dead_code)]
    enum __Index {
        #[cfg(unix)]
        open,
        #[cfg(not(unix))]
        open,
        oldName,
    }
    static __SERVICE: crate::facade::__private::Descriptor = crate::facade::__private::Descriptor {
        name: "hall.Hall",
        version: (1, 0),
        methods: &[
            #[cfg(unix)]
            crate::facade::__private::Method {
                name: "open",
                path: "hall.Hall.open",
                idempotent: false,
                blocking: true,
                timeout: ::core::option::Option::Some(
                    ::core::time::Duration::from_micros(1500),
                ),
                since: ::core::option::Option::None,
                arguments: &[
                    crate::facade::__private::Argument {
                        name: "path",
                        describe: <::std::string::String as crate::facade::__private::Wire>::describe,
                    },
                ],
                returns: <u32 as crate::facade::__private::Returns>::describe,
            },
            #[cfg(not(unix))]
            crate::facade::__private::Method {
                name: "open",
                path: "hall.Hall.open",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[
                    crate::facade::__private::Argument {
                        name: "path",
                        describe: <::std::string::String as crate::facade::__private::Wire>::describe,
                    },
                ],
                returns: <u64 as crate::facade::__private::Returns>::describe,
            },
            crate::facade::__private::Method {
                name: "oldName",
                path: "hall.Hall.oldName",
                idempotent: false,
                blocking: false,
                timeout: ::core::option::Option::None,
                since: ::core::option::Option::None,
                arguments: &[],
                returns: <() as crate::facade::__private::Returns>::describe,
            },
        ],
    };
    #[allow(dead_code)]
    impl hallClient {
        #[cfg(unix)]
        /// On Unix.
        pub(crate) fn open(&self, path: &str) -> crate::facade::Call<'_, u32> {
            crate::facade::__private::arguments(&self.0)
                .str(path)
                .call(__Index::open as ::core::primitive::u16)
        }
        #[cfg(not(unix))]
        /// Elsewhere.
        pub(crate) fn open(&self, path: &str) -> crate::facade::Call<'_, u64> {
            crate::facade::__private::arguments(&self.0)
                .str(path)
                .call(__Index::open as ::core::primitive::u16)
        }
        #[deprecated]
        #[allow(non_snake_case)]
        pub(crate) fn oldName(&self) -> crate::facade::Call<'_, ()> {
            crate::facade::__private::arguments(&self.0)
                .call(__Index::oldName as ::core::primitive::u16)
        }
    }
    #[automatically_derived]
    impl crate::facade::Client for hallClient {
        fn descriptor() -> &'static crate::facade::__private::Descriptor {
            &__SERVICE
        }
        fn from_binding(binding: crate::facade::__private::Binding) -> Self {
            Self(binding)
        }
        fn as_binding(client: &Self) -> &crate::facade::__private::Binding {
            &client.0
        }
    }
    #[automatically_derived]
    impl ::core::clone::Clone for hallClient {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0))
        }
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for hallClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("hallClient")
        }
    }
    #[allow(dead_code)]
    impl<S: hall> hallServer<S> {
        /// Serves `service`, which belongs to the server from now on.
        pub(crate) fn new(service: S) -> Self {
            Self(::std::sync::Arc::new(service))
        }
    }
    #[automatically_derived]
    impl<S> ::core::convert::From<::std::sync::Arc<S>> for hallServer<S> {
        fn from(service: ::std::sync::Arc<S>) -> Self {
            Self(service)
        }
    }
    #[automatically_derived]
    impl<S> ::core::fmt::Debug for hallServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.write_str("hallServer")
        }
    }
    impl<__Service: hall> hallServer<__Service> {
        const __HANDLERS: &'static [fn(
            &::std::sync::Arc<__Service>,
            crate::facade::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<crate::facade::__private::Handler>>] = &[
            #[cfg(unix)]
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (path,) = match __call
                        .read(|__args| ::core::result::Result::Ok((__args.str()?,)))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as hall>::open(&__service, path).await;
                    __call
                        .reply(
                            __reply,
                            <u32 as crate::facade::__private::Returns>::encode,
                        )
                })
            },
            #[cfg(not(unix))]
            |__service, __call| {
                let __service = ::core::clone::Clone::clone(__service);
                ::std::boxed::Box::pin(async move {
                    let (path,) = match __call
                        .read(|__args| ::core::result::Result::Ok((__args.str()?,)))
                    {
                        ::core::result::Result::Ok(__all) => __all,
                        ::core::result::Result::Err(__error) => {
                            return __call.malformed(__error);
                        }
                    };
                    let __reply = <__Service as hall>::open(&__service, path).await;
                    __call
                        .reply(
                            __reply,
                            <u64 as crate::facade::__private::Returns>::encode,
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
                    let __reply = <__Service as hall>::oldName(&__service).await;
                    __call
                        .reply(
                            __reply,
                            <() as crate::facade::__private::Returns>::encode,
                        )
                })
            },
        ];
    }
    #[automatically_derived]
    impl<__Service: hall> crate::facade::__private::Service for hallServer<__Service> {
        fn descriptor(&self) -> &'static crate::facade::__private::Descriptor {
            &__SERVICE
        }
        fn dispatch(
            &self,
            method: ::core::primitive::u16,
            call: crate::facade::__private::Incoming,
        ) -> ::core::pin::Pin<::std::boxed::Box<crate::facade::__private::Handler>> {
            match Self::__HANDLERS.get(method as ::core::primitive::usize) {
                ::core::option::Option::Some(handler) => handler(&self.0, call),
                ::core::option::Option::None => {
                    crate::facade::__private::no_such_method(call)
                }
            }
        }
    }
};
