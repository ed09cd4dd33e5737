#[service]
pub trait BoxOffice {
    #[rpc(since = "1")]
    async fn refund(&self);
}
//~ 3:19 `1` is not a version; write major and minor, each at most 65535, such as "1.1"
