#[service]
pub trait BoxOffice {
    fn sell(&self, seat: u32) -> u32;
}
//~ 3:5 a call waits for another machine; write `async fn sell`
