#[service]
pub trait BoxOffice {
    async fn sell(&self, seat: u32);
    async fn refund(&self);
    async fn sell(&self);
}
//~ 5:14 `sell` is declared twice: a method is found by its name; rename one
