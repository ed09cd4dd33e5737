#[service]
pub trait BoxOffice {
    #[rpc(timeout, since = 1.1)]
    async fn free(&self) -> u32;
}
//~ 3:11 `timeout` takes a string; write `timeout = "2s"`
//~ 3:20 `since` takes a string; write `since = "1.1"`
