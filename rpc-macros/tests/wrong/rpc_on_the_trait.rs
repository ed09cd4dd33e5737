#[service]
#[rpc(idempotent)]
pub trait BoxOffice {
    async fn sell(&self);
}
//~ 2:1 `#[rpc(..)]` is said of a method; options of the whole service go into `#[service(..)]`
