#![deny(deprecated)]
use carnegie::service;

#[service]
trait BoxOffice {
    #[deprecated(note = "use `refund`")]
    async fn give_back(&self, seat: u32) -> u32;
}

async fn client(office: BoxOfficeClient) {
    let _ = office.give_back(1).await;
}

fn main() {}
