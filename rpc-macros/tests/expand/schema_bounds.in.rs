#[derive(Serialize, Deserialize, Schema)]
#[serde(bound(deserialize = "T: Default + Deserialize<'de>, M: Trait"))]
pub struct Page<T, M, I: Iterator> {
    #[serde(default)]
    items: Vec<T>,
    next: I::Item,
    marker: PhantomData<fn(M) -> M>,
    #[serde(bound = "I: Clone")]
    own: Map<u8>,
}
