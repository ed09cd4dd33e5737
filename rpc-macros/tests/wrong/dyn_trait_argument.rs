#[service]
pub trait BoxOffice {
    async fn sell(&self, holder: &dyn Display, list: Box<dyn Any + Send>);
}
//~ 3:35 `dyn Trait` has no structure that could be written; name a type, such as an enum of the types it can be
//~ 3:58 `dyn Trait` has no structure that could be written; name a type, such as an enum of the types it can be
