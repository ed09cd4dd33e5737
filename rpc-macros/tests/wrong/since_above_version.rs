#[service(version = "1.1")]
pub trait BoxOffice {
    #[rpc(since = "1.2")]
    async fn refund(&self);
}
//~ 3:19 the service's version is 1.1: this method would never be there; raise `version` to "1.2"
