#[service]
pub unsafe trait BoxOffice {
    async fn sell(&self);
}
//~ 2:5 a service cannot be `unsafe`: a peer gives no guarantees to the compiler; remove `unsafe`
