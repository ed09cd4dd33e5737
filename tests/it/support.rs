//! What all of these tests need: a bound on waiting, and a server that runs in the test's own process.

use carnegie::{Client, CodecId, Error, Limits, Server, ServerHandle};
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

/// Fails a test that would else hang. Long, for a busy machine may let a test wait for its turn.
pub(crate) async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what.into_future()).await.expect("it ends within a minute")
}

/// What a client tolerates: a busy machine may hold a living server up for longer than a dead one is waited for.
pub(crate) fn patient() -> Limits {
    Limits::default().probe_after(Duration::from_secs(60))
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
        soon(carnegie::connect(self.address).limits(patient()).codec(CODEC)).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        soon(self.server.stop()).await;
        soon(self.run).await.unwrap().unwrap();
    }
}

/// An address of this machine where nobody listens now. While the socket is held, the system gives its port to nobody who
/// does not ask for it; who does may listen there.
pub(crate) fn closed_address() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
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

/// What an error says, without the call's number at its end.
pub(crate) fn said(error: &Error) -> String {
    let text = error.to_string();
    let id = error.request_id().expect("the call was given a number");
    let named = text.strip_suffix(&format!(" (request {id})"));
    named.unwrap_or_else(|| panic!("it does not name its call: {text}")).to_owned()
}
