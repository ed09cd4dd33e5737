#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[schema(crate = "carnegie")]
    seat: u32,
}
//~ 3:14 `crate` is said once for the whole type; move it there
