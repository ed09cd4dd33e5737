#[automatically_derived]
impl ::carnegie::Schema for Ticket {
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .structure(
                ::core::any::TypeId::of::<Self>(),
                "Ticket",
                const {
                    &[
                        (
                            "section",
                            <Section as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "row",
                            <u32 as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "holder",
                            <Option<String> as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                    ]
                },
            )
    }
}
