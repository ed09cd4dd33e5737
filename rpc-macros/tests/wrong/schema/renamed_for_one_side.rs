#[derive(Serialize, Deserialize, Schema)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Ticket {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    seat: u32,
}
//~ 2:9 both sides of the wire must use one name; write `rename_all = ".."`, which holds for writing and reading
//~ 4:13 both sides of the wire must use one name; write `rename = ".."`, which holds for writing and reading
