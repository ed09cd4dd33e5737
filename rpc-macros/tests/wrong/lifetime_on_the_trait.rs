#[service]
pub trait BoxOffice<'a> {
    async fn sell(&self, holder: &'a str);
}
//~ 2:21 a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value
