use carnegie::service;

struct Ticket;

#[service]
trait BoxOffice {
    async fn refund(&self, order: u64, ticket: Ticket) -> u32;
}

fn main() {}
