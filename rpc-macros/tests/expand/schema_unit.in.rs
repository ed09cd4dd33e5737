#[derive(Clone, Serialize, Deserialize, Schema)]
pub struct Nothing;
