#[service]
pub trait BoxOffice {
    async fn sell(&self, choose: fn(u32) -> bool);
}
//~ 3:34 a function pointer cannot be sent: an address means nothing on another machine; send what the function needs
