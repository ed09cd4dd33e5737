#[service]
pub trait BoxOffice {
    async fn sell(&self, seat: *const u32, hall: Vec<*mut u8>);
}
//~ 3:32 a raw pointer cannot be sent: an address means nothing on another machine; send the value
//~ 3:54 a raw pointer cannot be sent: an address means nothing on another machine; send the value
