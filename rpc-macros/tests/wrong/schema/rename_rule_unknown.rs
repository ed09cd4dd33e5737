#[derive(Serialize, Deserialize, Schema)]
#[serde(rename_all = "TrainCase")]
pub struct Ticket {
    seat: u32,
}
//~ 2:9 `TrainCase` is not one of serde's rules; they are lowercase, UPPERCASE, PascalCase, camelCase, snake_case, SCREAMING_SNAKE_CASE, kebab-case and SCREAMING-KEBAB-CASE
