#[service]
pub trait BoxOffice {
    async fn sell(&self, cx: &mut Context);
}
//~ 3:31 the context is lent to read; write `cx: &Context`
