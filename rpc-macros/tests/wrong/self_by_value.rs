#[service]
pub trait BoxOffice {
    async fn sell(self, seat: u32) -> u32;
    async fn refund(mut self);
}
//~ 3:19 the service is not used up by one call, others need it; take `&self`
//~ 4:21 the service is not used up by one call, others need it; take `&self`
