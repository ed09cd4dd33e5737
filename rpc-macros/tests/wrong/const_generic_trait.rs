#[service]
pub trait BoxOffice<const SEATS: usize> {
    async fn sell(&self);
}
//~ 2:21 a service cannot be generic: its name stands for one signature on the wire; make it one service for each type, or use an enum (the type that implements it may be generic)
