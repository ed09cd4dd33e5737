#[service]
pub trait BoxOffice {
    const SEATS: u32;
    async fn sell(&self) -> u32;
}
//~ 3:11 a service cannot have constants: a client has no implementation to ask; make it a method
