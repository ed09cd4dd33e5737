#[automatically_derived]
impl<
    K: Ord + ::carnegie::Schema,
    T: ::carnegie::Schema,
    const N: usize,
> ::carnegie::Schema for Tree<K, T, N>
where
    T: Clone,
    Tree<K, T, N>: ::carnegie::__private::Portable,
{
    type Kind = ::carnegie::__private::Plain;
    fn describe(
        __types: &mut ::carnegie::__private::Types,
    ) -> ::carnegie::__private::NodeId {
        __types
            .structure(
                ::core::any::TypeId::of::<Self>(),
                "Tree",
                const {
                    &[
                        (
                            "value",
                            <T as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                        (
                            "children",
                            <BTreeMap<K, Tree<K, T, N>> as ::carnegie::Schema>::describe
                                as ::carnegie::__private::Describe,
                        ),
                    ]
                },
            )
    }
}
