#[service]
pub trait Greeter {
    async fn name(&self) -> String;
    async fn greet(&self, mut times: u32) -> Result<String, u8> {
        times += 1;
        Ok(self.name().await.repeat(times.try_into().map_err(|_| 1)?))
    }
}
