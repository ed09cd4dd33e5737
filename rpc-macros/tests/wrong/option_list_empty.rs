#[service]
pub trait BoxOffice {
    #[rpc]
    async fn free(&self) -> u32;
    #[rpc()]
    async fn sell(&self);
    #[rpc = "idempotent"]
    async fn refund(&self);
}
//~ 3:7 this `#[rpc]` says nothing; write its options, such as `#[rpc(idempotent)]`, or remove it
//~ 5:7 this `#[rpc]` says nothing; write its options, such as `#[rpc(idempotent)]`, or remove it
//~ 7:7 this `#[rpc]` says nothing; write its options, such as `#[rpc(idempotent)]`, or remove it
