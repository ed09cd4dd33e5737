//! What may be replayed by a proxy of `carnegie::testing`, and what would be executed again, being new calls to whoever reads it.

use carnegie::testing::{Fault, Proxy, is_resumption};
use carnegie::{Server, service};
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

async fn start(till: &Arc<AtomicU32>) -> String {
    let server = Server::new().add(TillServer::new(till.clone())).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().to_string();
    tokio::spawn(server.run());
    address
}

#[tokio::test]
async fn a_client_that_came_back_is_replayable_unless_it_found_another_server_and_began_anew() {
    let till = Arc::new(AtomicU32::new(0));
    let proxy = Proxy::builder(start(&till).await).replayable(is_resumption).start().await.unwrap();
    let client: TillClient = carnegie::connect(proxy.address()).await.unwrap();
    assert_eq!(client.ring().await.unwrap(), 1);
    assert_eq!(proxy.replay(), 0, "a new session");

    proxy.retarget(start(&till).await);
    proxy.cut();
    // What is handed to the first connection before its end is noticed is in doubt for good.
    while client.ring().await.is_err() {}
    assert_eq!(proxy.replay(), 0, "it wished for its old session, and was given a new one");

    proxy.cut();
    let rung = client.ring().await.unwrap();
    assert!(proxy.replay() > 0, "it was given its old session");
    while proxy.counts().of(Fault::Replay) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.ring().await.unwrap(), rung + 1, "what was replayed has rung nothing");
}
