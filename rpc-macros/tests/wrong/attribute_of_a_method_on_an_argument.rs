#[service]
pub trait BoxOffice {
    async fn sell(&self, #[rpc(idempotent)] seat: u32, #[rpc(secret)] row: u32);
}
//~ 3:32 `idempotent` is said of a whole method; move it above the method
//~ 3:62 `secret` is not an option of an argument; the only option is `opaque`
