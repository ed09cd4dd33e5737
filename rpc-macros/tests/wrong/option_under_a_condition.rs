#[service]
pub trait BoxOffice {
    #[cfg_attr(unix, rpc(idempotent))]
    async fn free(&self) -> u32;
    #[cfg_attr(unix, cfg(unix))]
    async fn sell(&self);
}
//~ 3:22 `rpc` inside `cfg_attr` is not seen in time; declare the method twice, each under its own `#[cfg(..)]`
//~ 5:22 `cfg` inside `cfg_attr` is not seen in time; declare the method twice, each under its own `#[cfg(..)]`
