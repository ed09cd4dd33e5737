#[service]
pub trait BoxOffice {
    async fn sell(&self, #[rpc(opaque)] holder: &str, #[rpc(opaque)] photo: &[u8]);
    #[rpc(opaque)]
    async fn refund(&self);
}
//~ 3:32 the structure of `&str` is always known; remove `opaque`
//~ 3:61 the structure of `&[u8]` is always known; remove `opaque`
//~ 4:11 there is no result whose structure could be hidden; remove `opaque`
