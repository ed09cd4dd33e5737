#[service(version = "1.65536")]
pub trait BoxOffice {
    async fn sell(&self);
}
//~ 1:21 `1.65536` is not a version; write major and minor, each at most 65535, such as "1.1"
