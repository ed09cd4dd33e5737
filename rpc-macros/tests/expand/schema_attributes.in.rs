#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(rename = "Reservation", rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Held {
    seat_row: u32,
    #[serde(skip)]
    cache: u64,
    #[serde(skip_serializing, skip_deserializing)]
    other_cache: u64,
    #[serde(with = "millis")]
    #[schema(as = "u64")]
    held_for: Duration,
    #[schema(opaque)]
    place: Vec<::geo::Point<f32>>,
    #[serde(alias = "name", alias = "who", default = "nobody")]
    holder: String,
}
