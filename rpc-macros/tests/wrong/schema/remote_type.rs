#[derive(Serialize, Deserialize, Schema)]
#[serde(remote = "Duration")]
pub struct Span {
    secs: u64,
}
//~ 2:9 `#[serde(remote)]` cannot cross the wire: the structure of the other crate's type is not seen here; at the field that has it, write `#[schema(as = "Type")]` or `#[schema(opaque)]`
