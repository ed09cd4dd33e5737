#[service]
pub trait BoxOffice {
    async fn sell(&mut self, seat: u32) -> u32;
}
//~ 3:19 calls run at the same time, so none has the service for itself; take `&self`, and keep what changes behind a lock
