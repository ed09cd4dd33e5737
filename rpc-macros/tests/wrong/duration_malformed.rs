#[service]
pub trait BoxOffice {
    #[rpc(timeout = "2 s")]
    async fn free(&self) -> u32;
    #[rpc(timeout = "fast")]
    async fn sell(&self);
    #[rpc(timeout = "1.5s")]
    async fn refund(&self);
}
//~ 3:21 `2 s` is not a duration; write a whole number and a unit, such as "100us", "250ms", "2s", "1m" or "1h"
//~ 5:21 `fast` is not a duration; write a whole number and a unit, such as "100us", "250ms", "2s", "1m" or "1h"
//~ 7:21 `1.5s` is not a duration; write a whole number and a unit, such as "100us", "250ms", "2s", "1m" or "1h"
