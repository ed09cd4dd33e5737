use carnegie::service;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Ticket;

#[service]
trait BoxOffice {
    async fn refund(&self, ticket: &Ticket) -> u32;
    async fn refund_all(&self, tickets: &[Ticket]) -> u32;
}

fn main() {}
