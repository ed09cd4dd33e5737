#[service(lock = "")]
pub trait BoxOffice {
    async fn sold(&self) -> u32;
}
//~ 1:18 write where the lock file is, beside Cargo.toml, such as "box_office.schema"
