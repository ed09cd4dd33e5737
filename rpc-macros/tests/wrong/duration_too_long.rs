#[service]
pub trait BoxOffice {
    #[rpc(timeout = "25h")]
    async fn free(&self) -> u32;
}
//~ 3:21 `25h` is too long for a call; the most is "24h"
