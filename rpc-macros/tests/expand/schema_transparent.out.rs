#[automatically_derived]
impl<T: 'static> ::carnegie::Schema for Seat<T>
where
    Seat<T>: ::carnegie::__private::Portable,
{
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .transparent(
                ::core::any::TypeId::of::<Self>(),
                "Seat",
                <u32 as ::carnegie::Schema>::describe as ::carnegie::__private::Describe,
            )
    }
}
