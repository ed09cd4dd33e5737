#[derive(Serialize, Deserialize, Schema)]
#[serde(untagged)]
pub enum Section {
    Stalls(u8),
    Balcony(u8),
}
//~ 2:9 `#[serde(untagged)]` cannot cross the wire: the reader must be told which variant follows; remove it, the number of a variant takes one byte
