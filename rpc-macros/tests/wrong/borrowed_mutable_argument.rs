#[service]
pub trait BoxOffice {
    async fn sell(&self, seat: &mut u32);
}
//~ 3:33 `&mut` cannot be an argument: an address means nothing on another machine; take the value, and return what it has become
