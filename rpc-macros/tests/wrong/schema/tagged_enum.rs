#[derive(Serialize, Deserialize, Schema)]
#[serde(tag = "kind", content = "value")]
pub enum Section {
    Stalls(u8),
}
//~ 2:9 `#[serde(tag)]` cannot cross the wire: a tag is found by its name, and the wire has no names; remove it, the number of a variant takes one byte
//~ 2:23 `#[serde(content)]` cannot cross the wire: a tag is found by its name, and the wire has no names; remove it, the number of a variant takes one byte
