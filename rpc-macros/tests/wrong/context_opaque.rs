#[service]
pub trait BoxOffice {
    async fn sell(&self, #[rpc(opaque)] cx: &Context);
}
//~ 3:32 the context does not cross the wire; remove `opaque`
