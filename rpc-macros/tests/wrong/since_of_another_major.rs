#[service(version = "2.1")]
pub trait BoxOffice {
    #[rpc(since = "1.0")]
    async fn refund(&self);
}
//~ 3:19 the service's version is 2.1, and another major is another service; write a version from 2.0 to 2.1
