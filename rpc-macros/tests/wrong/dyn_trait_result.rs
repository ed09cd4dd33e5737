#[service]
pub trait BoxOffice {
    async fn sell(&self) -> Result<Ticket, Box<dyn Error>>;
}
//~ 3:48 `dyn Trait` has no structure that could be written; name a type, such as an enum of the types it can be
