#[service]
pub trait BoxOffice {
    #[rpc(timeout = "0ms")]
    async fn free(&self) -> u32;
}
//~ 3:21 a timeout of zero would fail every call before it starts; the least is "1us"
