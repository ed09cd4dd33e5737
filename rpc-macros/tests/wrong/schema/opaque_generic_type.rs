#[derive(Serialize, Deserialize, Schema)]
#[schema(opaque)]
pub struct Page<T> {
    items: Vec<T>,
}
//~ 2:10 this is another type for each parameter, and would be compared by one name; write a name that holds for all that are used, such as `opaque = "geo.Point"`
