#[service(name = "A", name = "B")]
pub trait BoxOffice {
    async fn sell(&self);
}
//~ 1:23 `name` is given twice; keep one
