#[derive(Serialize, Deserialize, Schema)]
pub enum Section {
    Stalls(u8),
    #[serde(untagged)]
    Balcony(u8),
}
//~ 4:13 `#[serde(untagged)]` cannot cross the wire: the reader must be told which variant follows; remove it, the number of a variant takes one byte
