#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[serde(compress)]
    seat: u32,
}
//~ 3:13 `#[serde(compress)]` cannot cross the wire: what it does to the wire is not known here; hide it behind a type with its own `Serialize` and `Deserialize`, and mark that `#[schema(opaque)]`
