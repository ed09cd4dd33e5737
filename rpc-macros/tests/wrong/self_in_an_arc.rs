#[service]
pub trait BoxOffice {
    async fn sell(self: Arc<Self>, seat: u32) -> u32;
}
//~ 3:19 a service is called through a plain `&self`; write that
