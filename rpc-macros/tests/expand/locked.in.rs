#[cfg(feature = "sales")]
#[service(lock = "schemas/shop.schema", crate = "::rpc")]
trait r#Shop {
    async fn close(&self);
}
