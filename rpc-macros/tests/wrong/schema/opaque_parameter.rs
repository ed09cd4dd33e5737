#[derive(Serialize, Deserialize, Schema)]
pub struct Page<T> {
    #[schema(opaque)]
    items: Vec<T>,
    #[schema(opaque)]
    total: Total,
    #[schema(opaque = "Item")]
    first: T,
}
//~ 3:14 this is another type for each parameter, and would be compared by one name; write a name that holds for all that are used, such as `opaque = "geo.Point"`
