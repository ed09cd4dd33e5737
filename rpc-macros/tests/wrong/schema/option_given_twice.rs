#[derive(Serialize, Deserialize, Schema)]
#[schema(opaque, opaque)]
pub struct Ticket {
    seat: u32,
}
//~ 2:18 `opaque` is given twice; keep one
