#[service]
pub trait BoxOffice {
    async fn sell(&self) -> !;
}
//~ 3:29 a method that never returns never answers; return `()`
