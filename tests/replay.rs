//! What may be replayed by a proxy of `carnegie::testing`, and what would be executed again, being new calls to whoever reads it.

use carnegie::testing::{Proxy, is_resumption};
use carnegie::{Server, ServerHandle, service};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[service]
trait Till {
    async fn ring(&self) -> u32;
}

impl Till for Arc<AtomicU32> {
    async fn ring(&self) -> u32 {
        self.fetch_add(1, Ordering::Relaxed) + 1
    }
}

async fn start(till: &Arc<AtomicU32>) -> (String, ServerHandle) {
    let server = Server::new().add(TillServer::new(till.clone())).bind("127.0.0.1:0").await.unwrap();
    let (address, handle) = (server.local_addr().to_string(), server.handle());
    tokio::spawn(server.run());
    (address, handle)
}

#[tokio::test]
async fn a_client_that_came_back_is_replayable_unless_it_found_another_server_and_began_anew() {
    let till = Arc::new(AtomicU32::new(0));
    let (address, _first) = start(&till).await;
    let proxy = Proxy::builder(address).replayable(is_resumption).start().await.unwrap();
    let client: TillClient = carnegie::connect(proxy.address()).await.unwrap();
    assert_eq!(client.ring().await.unwrap(), 1);
    assert_eq!(proxy.replay(), 0, "a new session");

    let (address, server) = start(&till).await;
    proxy.retarget(address);
    proxy.cut();
    // What is handed to the first connection before its end is noticed is in doubt for good.
    while client.ring().await.is_err() {}
    assert_eq!(proxy.replay(), 0, "it wished for its old session, and was given a new one");

    proxy.cut();
    let rung = client.ring().await.unwrap();
    let before = server.stats().replayed;
    assert!(proxy.replay() > 0, "it was given its old session");
    // The server has read it, and answered as it answers copies.
    while server.stats().replayed == before {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.ring().await.unwrap(), rung + 1, "what was replayed has rung nothing");
}
