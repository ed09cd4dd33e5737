#[service]
pub trait BoxOffice {
    async fn sell(&self, holder: str, seats: [u32]);
}
//~ 3:34 `str` has no size of its own; use `String`, or lend it as `&str`
//~ 3:46 `[T]` has no size of its own; use `Vec<T>`, or lend it as `&[T]`
