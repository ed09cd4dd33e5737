#[derive(Serialize, Deserialize, Schema)]
pub enum Place<T> {
    #[schema(opaque)]
    At(Vec<T>),
    #[schema(opaque)]
    Near { total: Total },
    #[schema(opaque = "Item")]
    In(T),
}
//~ 3:14 this is another type for each parameter, and would be compared by one name; write a name that holds for all that are used, such as `opaque = "geo.Point"`
