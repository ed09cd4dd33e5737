#[service]
pub trait BoxOffice {
    async fn sell(&self, cx: Context, seat: u32);
}
//~ 3:30 the context is lent by the server; write `cx: &Context` as the first parameter
