#[derive(Clone, Serialize, Deserialize, Schema)]
pub struct Pair(u32, #[serde(skip)] u8, String);
