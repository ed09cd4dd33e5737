#[derive(Clone, Serialize, Deserialize, Schema)]
pub struct Tree<K: Ord, T = u8, const N: usize = 1>
where
    T: Clone,
{
    value: T,
    children: BTreeMap<K, Tree<K, T, N>>,
}
