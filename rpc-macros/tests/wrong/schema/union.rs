#[derive(Serialize, Deserialize, Schema)]
pub union Ticket {
    seat: u32,
    row: f32,
}
//~ 2:5 a union does not say which of its fields it holds; use an enum
