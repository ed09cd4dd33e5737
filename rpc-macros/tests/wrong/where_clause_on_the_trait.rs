#[service]
pub trait BoxOffice
where
    Self: Clone,
{
    async fn sell(&self);
}
//~ 3:1 a client has no implementation that could meet a condition; remove the `where` clause
