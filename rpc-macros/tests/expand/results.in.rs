#[service]
trait Results {
    #[rpc(opaque)]
    async fn opaque(&self) -> geo::Point;
    #[rpc(opaque)]
    async fn opaque_result(&self) -> Result<geo::Point, Refused>;
    async fn alias(&self) -> Booked<Ticket>;
}
