#[derive(Serialize, Deserialize, Schema)]
pub enum Section {
    Stalls,
    #[serde(other)]
    Unknown,
}
//~ 4:13 `#[serde(other)]` cannot cross the wire: an unknown variant fails the call that carries it; add a variant that holds what you need
