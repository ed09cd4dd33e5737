use carnegie::{Schema, service};

#[derive(Schema)]
struct Page<T> {
    items: Vec<T>,
}

#[service]
trait Library {
    async fn page(&self, number: u32) -> Page<String>;
}

fn main() {}
