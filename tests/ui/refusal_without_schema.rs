use carnegie::service;

struct Refused;

#[service]
trait BoxOffice {
    async fn sell(&self, order: u64) -> Result<u32, Refused>;
}

fn main() {}
