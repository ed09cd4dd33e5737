#[automatically_derived]
impl ::carnegie::Schema for Pair {
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .tuple(
                ::core::any::TypeId::of::<Self>(),
                const {
                    &[
                        <u32 as ::carnegie::Schema>::describe
                            as ::carnegie::__private::Describe,
                        <String as ::carnegie::Schema>::describe
                            as ::carnegie::__private::Describe,
                    ]
                },
            )
    }
}
