#[service]
pub trait BoxOffice {
    async fn sell(&self, seats: Vec<_>);
}
//~ 3:37 `_` cannot be compared with the other side's type; write the type
