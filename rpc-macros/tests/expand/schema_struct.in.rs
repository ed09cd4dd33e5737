#[derive(Clone, Serialize, Deserialize, Schema)]
pub struct Ticket {
    pub section: Section,
    pub r#row: u32,
    pub holder: Option<String>,
}
