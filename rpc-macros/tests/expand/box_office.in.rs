#[service(version = "1.1")]
pub trait BoxOffice {
    /// Safe to run again: retried freely, never recorded.
    #[rpc(idempotent)]
    async fn free_seats(&self, section: Section) -> u32;

    /// Sells the next free seat.
    #[rpc(timeout = "2s")]
    async fn sell(&self, order: u64, section: Section, holder: &str) -> Result<Ticket, Refused>;

    #[rpc(since = "1.1")]
    async fn refund(&self, ticket: Ticket) -> Result<(), Refused>;
}
