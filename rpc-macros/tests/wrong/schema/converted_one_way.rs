#[derive(Serialize, Deserialize, Schema)]
#[serde(into = "u32")]
pub struct Seat(u32);
//~ 2:16 what is written must be what is read; give `into` and `from` (or `try_from`) with one and the same type
