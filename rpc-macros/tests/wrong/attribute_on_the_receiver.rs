#[service]
pub trait BoxOffice {
    async fn sell(#[rpc(opaque)] &self);
}
//~ 3:19 `#[rpc(..)]` is said of a method or of an argument; move it there
