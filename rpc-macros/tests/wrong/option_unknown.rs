#[service]
pub trait BoxOffice {
    #[rpc(idempotant)]
    async fn free(&self) -> u32;
}
//~ 3:11 `idempotant` is not an option of a method; the options are `idempotent`, `blocking`, `timeout = "2s"`, `since = "1.1"` and `opaque`
