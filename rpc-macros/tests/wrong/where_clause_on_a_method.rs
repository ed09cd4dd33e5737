#[service]
pub trait BoxOffice {
    async fn sell(&self) where Self: Sized;
}
//~ 3:26 a client has no implementation that could meet a condition; remove the `where` clause
