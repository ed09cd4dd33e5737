#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Section {
    OrchestraStalls,
    Box(u8),
    #[serde(rename = "upper")]
    Balcony(u8, String),
    Standing { how_many: u16, #[serde(rename = "x")] at_all: bool },
    Cached(#[serde(skip)] u64),
    #[serde(with = "hex")]
    #[schema(as = "String")]
    Hexed(u64),
    #[schema(opaque)]
    Elsewhere(geo::Point),
    #[schema(opaque)]
    Between(geo::Point, Vec<geo::Line>),
    #[schema(opaque)]
    Around { point: geo::Point, #[serde(skip)] cache: u8 },
}
