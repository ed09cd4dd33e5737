#[service]
pub trait BoxOffice {
    async fn sell(&self, cx: &'static Context);
}
//~ 3:31 a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value
