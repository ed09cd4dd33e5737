#[service]
pub trait r#Type {
    async fn r#type(&self) -> u32;
    async fn new(&self);
    async fn clone(&self);
}
