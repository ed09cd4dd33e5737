#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[schema(opaque = 5)]
    cache: u32,
}
//~ 3:14 write `opaque` alone, or with the name that is compared: `opaque = "geo::Point"`
