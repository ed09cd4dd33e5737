#[service]
pub trait BoxOffice {
    async fn sell(&self, seat: u32, cx: &Context);
}
//~ 3:41 the context comes first; move it right after `&self`
