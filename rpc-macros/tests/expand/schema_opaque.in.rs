#[derive(Clone, Serialize, Deserialize, Schema)]
#[schema(opaque = "geo.Point")]
pub struct Point {
    inner: ::geo::Point<f32>,
}
