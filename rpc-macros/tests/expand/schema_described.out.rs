#[automatically_derived]
impl crate::facade::Schema for Seat {
    type Kind = crate::facade::__private::Plain;
    fn describe(
        __types: &mut crate::facade::__private::Types,
    ) -> crate::facade::__private::NodeId {
        <(u32, String) as crate::facade::Schema>::describe(__types)
    }
}
