#[derive(Clone, Serialize, Deserialize, Schema)]
#[serde(transparent)]
pub struct Seat<T> {
    of: PhantomData<T>,
    number: u32,
}
