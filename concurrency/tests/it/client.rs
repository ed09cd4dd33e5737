//! Callers, who start, await and drop calls, against the driver's task.

use crate::hall::{HallClient, HallServer, House};
use carnegie::{Server, ServerHandle, connect_over};
use carnegie_concurrency::{explore, line, prompt};
use shuttle::thread;
use std::time::Duration;
use tokio::runtime::block_on;

fn serve() -> (ServerHandle, House) {
    let house = House::default();
    (Server::new().add(HallServer::new(house.clone())).start().unwrap(), house)
}

#[test]
fn each_call_of_several_threads_ends_once_and_is_awakened() {
    explore("each_call_of_several_threads_ends_once_and_is_awakened", || {
        let (server, house) = serve();
        let (near, far, _) = line(256);
        server.serve_stream(far, "client");
        let hall: HallClient = block_on(async { connect_over(near).await }).unwrap();
        let callers: Vec<_> = (0..3)
            .map(|caller| {
                let hall = hall.clone();
                thread::spawn(move || {
                    for turn in 0..2 {
                        let seat = caller * 10 + turn;
                        assert_eq!(block_on(hall.sell(seat)).unwrap(), seat + 1);
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!(house.0.counts(), (6, 6));
        prompt(Duration::ZERO);
    });
}
