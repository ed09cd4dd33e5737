#[service]
pub trait BoxOffice {
    async fn sell(&self, holder: &'static str, name: Cow<'_, str>);
}
//~ 3:35 a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value
//~ 3:58 a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value
