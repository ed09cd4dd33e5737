#[service]
pub trait BoxOffice {
    #[rpc(idempotent, idempotent)]
    async fn free(&self) -> u32;
    #[rpc(timeout = "1s")]
    #[rpc(timeout = "2s")]
    async fn sell(&self);
}
//~ 3:23 `idempotent` is given twice; keep one
//~ 6:11 `timeout` is given twice; keep one
