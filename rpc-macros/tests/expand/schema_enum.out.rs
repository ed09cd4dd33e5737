#[automatically_derived]
impl ::carnegie::Schema for Section {
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .enumeration(
                ::core::any::TypeId::of::<Self>(),
                "Section",
                const {
                    &[
                        ("orchestra_stalls", ::carnegie::__private::Variant::Unit),
                        (
                            "box",
                            ::carnegie::__private::Variant::Tuple(
                                &[
                                    <u8 as ::carnegie::Schema>::describe
                                        as ::carnegie::__private::Describe,
                                ],
                            ),
                        ),
                        (
                            "upper",
                            ::carnegie::__private::Variant::Tuple(
                                &[
                                    <u8 as ::carnegie::Schema>::describe
                                        as ::carnegie::__private::Describe,
                                    <String as ::carnegie::Schema>::describe
                                        as ::carnegie::__private::Describe,
                                ],
                            ),
                        ),
                        (
                            "standing",
                            ::carnegie::__private::Variant::Struct(
                                &[
                                    (
                                        "howMany",
                                        <u16 as ::carnegie::Schema>::describe
                                            as ::carnegie::__private::Describe,
                                    ),
                                    (
                                        "x",
                                        <bool as ::carnegie::Schema>::describe
                                            as ::carnegie::__private::Describe,
                                    ),
                                ],
                            ),
                        ),
                        ("cached", ::carnegie::__private::Variant::Unit),
                        (
                            "hexed",
                            ::carnegie::__private::Variant::Tuple(
                                &[
                                    <String as ::carnegie::Schema>::describe
                                        as ::carnegie::__private::Describe,
                                ],
                            ),
                        ),
                        (
                            "elsewhere",
                            ::carnegie::__private::Variant::Tuple(
                                &[
                                    (|__types: &mut ::carnegie::__private::Types| ::carnegie::__private::describe_opaque(
                                        __types,
                                        "Point",
                                    )) as ::carnegie::__private::Describe,
                                ],
                            ),
                        ),
                        (
                            "between",
                            ::carnegie::__private::Variant::Tuple(
                                &[
                                    (|__types: &mut ::carnegie::__private::Types| ::carnegie::__private::describe_opaque(
                                        __types,
                                        "(Point,Vec<Line>)",
                                    )) as ::carnegie::__private::Describe,
                                ],
                            ),
                        ),
                        (
                            "around",
                            ::carnegie::__private::Variant::Tuple(
                                &[
                                    (|__types: &mut ::carnegie::__private::Types| ::carnegie::__private::describe_opaque(
                                        __types,
                                        "{point:Point}",
                                    )) as ::carnegie::__private::Describe,
                                ],
                            ),
                        ),
                    ]
                },
            )
    }
}
