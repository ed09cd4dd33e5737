#[derive(Serialize, Deserialize, Schema)]
pub enum Section {
    Stalls {
        row: u32,
        #[serde(rename = "row")]
        seat: u32,
        #[serde(skip, rename = "row")]
        cache: u32,
    },
    #[serde(rename = "Stalls")]
    Balcony,
}
//~ 6:15 two fields are called `row` on the wire; give each a name of its own
//~ 11:5 two variants are called `Stalls` on the wire; give each a name of its own
