#[service]
pub trait BoxOffice {
    async fn sell(&self, cx: &Context, again: &carnegie::Context);
}
//~ 3:47 a call has one context; remove the second
