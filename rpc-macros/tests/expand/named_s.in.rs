#[service]
trait S {
    async fn s(&self, s: super::S) -> super::S;
}
