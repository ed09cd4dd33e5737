#[derive(Clone, Serialize, Deserialize, Schema)]
pub struct Seat(u32);
