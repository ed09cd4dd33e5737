#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[schema(as = "u32 or so")]
    seat: u32,
}
//~ 3:19 `u32 or so` is not a type; write one, such as "u64"
