use carnegie::service;
use std::cell::Cell;

#[service]
trait BoxOffice {
    async fn sell(&self) -> u32;
}

struct Hall(Cell<u32>);

impl BoxOffice for Hall {
    async fn sell(&self) -> u32 {
        self.0.get()
    }
}

fn main() {}
