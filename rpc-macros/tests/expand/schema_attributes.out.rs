#[automatically_derived]
impl ::carnegie::Schema for Held {
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .structure(
                ::core::any::TypeId::of::<Self>(),
                "Reservation",
                const {
                    &[
                        (
                            "seat-row",
                            <u32 as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "held-for",
                            <u64 as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "place",
                            (|__types: &mut ::carnegie::__private::Types| ::carnegie::__private::describe_opaque(
                                __types,
                                "Vec<Point<f32>>",
                            )) as ::carnegie::__private::Describe,
                        ),
                        (
                            "holder",
                            <String as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                    ]
                },
            )
    }
}
