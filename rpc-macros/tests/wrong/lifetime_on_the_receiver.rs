#[service]
pub trait BoxOffice {
    async fn sell<'a>(&'a self) -> u32;
}
//~ 3:19 a lifetime ends at the wire: the handler borrows a copy that lives as long as the call; lend with a plain `&T`, or own the value
