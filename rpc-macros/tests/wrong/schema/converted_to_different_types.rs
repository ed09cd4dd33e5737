#[derive(Serialize, Deserialize, Schema)]
#[serde(try_from = "u64", into = "u32")]
pub struct Seat(u32);
//~ 2:20 what is written must be what is read; give `into` and `from` (or `try_from`) with one and the same type
//~ 2:34 what is written must be what is read; give `into` and `from` (or `try_from`) with one and the same type
