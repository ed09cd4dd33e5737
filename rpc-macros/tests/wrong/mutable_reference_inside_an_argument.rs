#[service]
pub trait BoxOffice {
    async fn sell(&self, seats: Vec<&mut u32>);
}
//~ 3:38 `&mut` cannot be sent: an address means nothing on another machine; use the value itself
