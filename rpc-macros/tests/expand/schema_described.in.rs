#[derive(Clone, Serialize, Deserialize, Schema)]
#[schema(as = "(u32, String)", crate = "crate::facade")]
pub struct Seat {
    row: u32,
    letter: char,
}
