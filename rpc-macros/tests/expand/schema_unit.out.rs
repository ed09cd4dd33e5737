#[automatically_derived]
impl ::carnegie::Schema for Nothing {
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types.tuple(::core::any::TypeId::of::<Self>(), &[])
    }
}
