#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket(#[serde(skip_serializing, skip_deserializing)] u32);
//~ 2:45 nothing would be left of this type; make it a unit struct, or keep the field
