use carnegie::service;
use std::rc::Rc;

#[service]
trait BoxOffice {
    async fn sell(&self, order: u64) -> u32;
}

struct Hall;

impl BoxOffice for Hall {
    async fn sell(&self, order: u64) -> u32 {
        let shared = Rc::new(order);
        std::future::ready(()).await;
        *shared as u32
    }
}

fn main() {}
