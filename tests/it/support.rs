//! What all of these tests need: a bound on waiting, and a server that runs in the test's own process.

use carnegie::{Client, CodecId, Server, ServerHandle};
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Fails a test that would else hang.
pub(crate) async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what.into_future()).await.expect("it ends within 10 s")
}

/// The last one that is compiled in: with the feature `postcard` these tests pass with that codec too.
pub(crate) const CODEC: CodecId = CodecId::AVAILABLE[CodecId::AVAILABLE.len() - 1];

/// A server of the test's own, which ends with it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) server: ServerHandle,
    pub(crate) run: JoinHandle<std::io::Result<()>>,
}

pub(crate) async fn run(server: Server) -> Running {
    run_at(server, "127.0.0.1:0").await
}

pub(crate) async fn run_at(server: Server, address: &str) -> Running {
    let bound = server.grace(Duration::ZERO).bind(address).await.unwrap();
    Running { address: bound.local_addr(), server: bound.handle(), run: tokio::spawn(bound.run()) }
}

impl Running {
    pub(crate) async fn client<C: Client>(&self) -> C {
        soon(carnegie::connect(self.address).codec(CODEC)).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        soon(self.server.stop()).await;
        soon(self.run).await.unwrap().unwrap();
    }
}

/// An address of this machine where nobody listens now.
pub(crate) async fn closed_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Returns once `holds` does; the events that lead there wake other tasks, not this one.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
