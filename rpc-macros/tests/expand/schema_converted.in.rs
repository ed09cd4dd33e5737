#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(try_from = "u16", into = "u16")]
pub struct Seat(u32);
