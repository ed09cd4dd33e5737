#[service]
pub trait BoxOffice {
    type Ticket;
    async fn sell(&self) -> u32;
}
//~ 3:10 a service cannot have associated types: both sides must agree on the type; name it in the methods
