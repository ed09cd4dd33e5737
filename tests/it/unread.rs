//! A client that does not read what it has asked for.

use crate::raw::{Raw, index};
use crate::support::{run, soon};
use carnegie::{Limits, Server, service};
use rpc_core::SlotId;
use rpc_core::frame::{Checksum, Request};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

#[service]
trait Flood {
    async fn mebibyte(&self) -> Vec<u8>;
}

struct Dam {
    waits: mpsc::UnboundedSender<()>,
    open: Arc<Semaphore>,
}

impl Flood for Dam {
    async fn mebibyte(&self) -> Vec<u8> {
        self.waits.send(()).unwrap();
        let _passes = self.open.acquire().await.unwrap();
        vec![0; 1 << 20]
    }
}

#[tokio::test]
async fn a_client_that_lets_replies_pile_up_loses_its_connection_and_is_told_why() {
    let (waits, mut waiting) = mpsc::unbounded_channel();
    let open = Arc::new(Semaphore::new(0));
    let mut limits = Limits::default();
    (limits.message_max, limits.backlog_max) = (2 << 20, 8 << 20);
    let flood = FloodServer::new(Dam { waits, open: open.clone() });
    let server = run(Server::new().add(flood).limits(limits)).await;
    let mut raw = Raw::bound::<FloodClient>(server.address).await;
    let mut requests = Vec::new();
    for slot in 0..64 {
        let (id, method) = (SlotId { slot, sequence: 1 }, index::<FloodClient>("mebibyte"));
        Request { id, method, deadline: 60_000, ..Default::default() }.write(&mut requests, Checksum::Whole);
    }
    raw.send(&requests).await;
    for _ in 0..64 {
        soon(waiting.recv()).await.unwrap();
    }
    open.add_permits(64);
    let passed = open.acquire_many(64);
    soon(passed).await.unwrap().forget();
    let why = raw.end().await;
    assert!(why.contains("bytes of replies wait for it to read them, and 10485760 may"), "{why}");
    assert_eq!(server.server.stats().calls, 64, "all were executed");
    let other: FloodClient = server.client().await;
    open.add_permits(1);
    assert_eq!(soon(other.mebibyte()).await.unwrap().len(), 1 << 20);
}
