use carnegie::{Server, service};

#[service]
trait BoxOffice {
    #[rpc(timeout = "2 s")]
    async fn sell(&self, order: u64) -> u32;
}

struct Hall;

impl BoxOffice for Hall {
    async fn sell(&self, order: u64) -> u32 {
        order as u32
    }
}

async fn both(office: BoxOfficeClient) -> Result<u32, carnegie::Error> {
    let _ = Server::new().add(BoxOfficeServer::new(Hall));
    office.sell(1).await
}

fn main() {}
