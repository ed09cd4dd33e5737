#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[schema(opaque, as = "u32")]
    seat: u32,
}
//~ 3:14 `opaque` hides the structure and `as` names it; keep one of the two
