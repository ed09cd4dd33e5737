#[service(version = "1.1.0")]
pub trait BoxOffice {
    async fn sell(&self);
    #[rpc(since = "7.3")]
    async fn refund(&self);
}
//~ 1:21 `1.1.0` is not a version; write major and minor, each at most 65535, such as "1.1"
