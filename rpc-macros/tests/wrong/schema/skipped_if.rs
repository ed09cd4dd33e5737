#[derive(Serialize, Deserialize, Schema)]
pub struct Ticket {
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
}
//~ 3:13 `#[serde(skip_serializing_if)]` cannot cross the wire: values stand one after the other without names, so one that is left out shifts all that follow; write it always, an `Option` takes one byte
