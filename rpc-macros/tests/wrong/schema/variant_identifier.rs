#[derive(Serialize, Deserialize, Schema)]
#[serde(variant_identifier)]
pub enum Section {
    Stalls,
}
//~ 2:9 `#[serde(variant_identifier)]` cannot cross the wire: it reads names, and the wire has none; derive an ordinary enum
