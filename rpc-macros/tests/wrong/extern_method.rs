#[service]
pub trait BoxOffice {
    async extern "C" fn sell(&self);
}
//~ 3:11 a call goes through the wire and not through an ABI; remove `extern`
