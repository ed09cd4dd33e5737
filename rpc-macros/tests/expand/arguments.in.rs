#[service]
trait Arguments {
    async fn none(&self);
    async fn owned(&self, seat: u32, name: Option<String>) -> u32;
    async fn lent(&self, ticket: &Ticket, all: &[Ticket], name: &str, photo: &[u8]) -> u32;
    async fn context(&self, cx: &Context, seat: u32) -> u32;
    async fn context_unnamed(&self, _: &carnegie::Context);
    async fn opaque(&self, #[rpc(opaque)] point: geo::Point, #[rpc(opaque)] line: &[geo::Point]);
    async fn raw(&self, r#type: u8, call: u8, service: u8) -> u8;
}
