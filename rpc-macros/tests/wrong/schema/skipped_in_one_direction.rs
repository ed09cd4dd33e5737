#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[serde(skip_serializing)]
    cache: u64,
    #[serde(skip_deserializing)]
    seat: u32,
}
//~ 3:13 one side would skip what the other does not; write `skip`, which holds for both
//~ 5:13 one side would skip what the other does not; write `skip`, which holds for both
