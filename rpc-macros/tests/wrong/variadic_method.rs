#[service]
pub trait BoxOffice {
    async fn sell(&self, seats: ...);
}
//~ 3:26 the number of arguments is part of the signature; take a `Vec<T>`
