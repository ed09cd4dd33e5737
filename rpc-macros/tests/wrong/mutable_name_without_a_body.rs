#[service]
pub trait BoxOffice {
    async fn sell(&self, mut seat: u32);
}
//~ 3:26 without a body there is nothing that could change the argument; remove `mut`
