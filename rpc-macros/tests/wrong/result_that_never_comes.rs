#[service]
pub trait BoxOffice {
    async fn sell(&self) -> !;
    async fn refund(&self) -> Result<u32, !>;
}
//~ 3:29 a method that never returns never answers; return `()`
//~ 4:43 `!` has no values that could be sent; leave this out
