#[service]
pub trait BoxOffice {
    async fn sell(&self) -> Context;
}
//~ 3:29 a context belongs to one call; return what you need of it
