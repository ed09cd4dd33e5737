#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[serde(skip)]
    #[schema(opaque)]
    cache: u32,
}
//~ 4:14 what is skipped has no structure on the wire; remove `opaque`
