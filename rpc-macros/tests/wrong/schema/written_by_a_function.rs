#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[serde(with = "millis")]
    held: Duration,
    #[serde(serialize_with = "write", deserialize_with = "read")]
    sold: Duration,
}
//~ 3:13 what this function writes cannot be seen; add `#[schema(as = "Type")]` with the type that it is written as, or `#[schema(opaque)]`
//~ 5:13 what this function writes cannot be seen; add `#[schema(as = "Type")]` with the type that it is written as, or `#[schema(opaque)]`
