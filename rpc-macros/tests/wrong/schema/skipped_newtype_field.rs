#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket(#[serde(skip)] u32);
//~ 2:27 nothing would be left of this type; make it a unit struct, or keep the field
