#[service(lock)]
pub trait BoxOffice {
    async fn sold(&self) -> u32;
}
//~ 1:11 `lock` takes a string; write `lock = "box_office.schema"`
