#[automatically_derived]
impl<T: ::carnegie::Schema, M: 'static, I: Iterator + 'static> ::carnegie::Schema
for Page<T, M, I>
where
    I::Item: ::carnegie::Schema,
    for<'de> T: Default + Deserialize<'de>,
    M: Trait,
    I: Clone,
    Page<T, M, I>: ::carnegie::__private::Portable,
{
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .structure(
                ::core::any::TypeId::of::<Self>(),
                "Page",
                const {
                    &[
                        (
                            "items",
                            <Vec<T> as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "next",
                            <I::Item as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "marker",
                            <PhantomData<fn(M) -> M> as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "own",
                            <Map<u8> as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                    ]
                },
            )
    }
}
