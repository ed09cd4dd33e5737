use carnegie::service;

struct Ticket;

#[service]
trait BoxOffice {
    async fn sell(&self, order: u64) -> Ticket;
}

fn main() {}
