#[service]
pub trait BoxOffice {
    #[rpc(idempotent = true, blocking(yes))]
    async fn free(&self) -> u32;
}
//~ 3:11 `idempotent` takes no value; write `idempotent` alone, or leave it out
//~ 3:30 `blocking` takes no value; write `blocking` alone, or leave it out
