#[service]
pub trait BoxOffice {
    async unsafe fn sell(&self);
}
//~ 3:11 a peer gives no guarantees to the compiler; remove `unsafe`
