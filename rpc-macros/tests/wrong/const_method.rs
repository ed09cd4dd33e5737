#[service]
pub trait BoxOffice {
    const fn sell(&self) -> u32;
}
//~ 3:5 a call waits for another machine; write `async fn sell`
