use carnegie::service;

struct Context;

#[service]
trait BoxOffice {
    async fn sell(&self, cx: &Context) -> u32;
}

fn main() {}
