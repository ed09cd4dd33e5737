#[automatically_derived]
impl ::carnegie::Schema for Point {
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types.opaque("geo.Point")
    }
}
