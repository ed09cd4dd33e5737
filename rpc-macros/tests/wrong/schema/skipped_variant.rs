#[derive(Serialize, Deserialize, Schema)]
pub enum Section {
    Stalls,
    #[serde(skip)]
    Secret,
    #[serde(skip_deserializing)]
    Old,
}
//~ 4:13 a skipped variant is still counted by the writer and not by the reader, so those after it would be mistaken for one another; remove the variant, or the attribute
//~ 6:13 a skipped variant is still counted by the writer and not by the reader, so those after it would be mistaken for one another; remove the variant, or the attribute
