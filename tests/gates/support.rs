//! A server in a thread of its own, so that what the two sides allocate is counted apart, and the service of these tests.

use allocation_counter::{AllocationInfo, measure};
use carnegie::{Limits, Server, ServerHandle, service};
use std::net::SocketAddr;
use std::sync::mpsc as blocking;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

#[service]
pub(crate) trait Echo {
    /// Arguments and results that own no memory.
    async fn array(&self, payload: [u8; 32]) -> [u8; 32];
    #[rpc(idempotent)]
    async fn again(&self, payload: [u8; 32]) -> [u8; 32];
    async fn bytes(&self, payload: Vec<u8>) -> Vec<u8>;
}

pub(crate) struct Echoes;

impl Echo for Echoes {
    async fn array(&self, payload: [u8; 32]) -> [u8; 32] {
        payload
    }
    async fn again(&self, payload: [u8; 32]) -> [u8; 32] {
        payload
    }
    async fn bytes(&self, payload: Vec<u8>) -> Vec<u8> {
        payload
    }
}

/// Nothing is written but calls, however long the machine stands still.
pub(crate) fn quiet() -> Limits {
    const HOUR: Duration = Duration::from_secs(3600);
    Limits::default().probe_after(HOUR).keep_alive(HOUR).pong_wait_min(HOUR).call_timeout(HOUR)
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server and its thread, which counts from one [`ServerThread::count`] to the next.
pub(crate) struct ServerThread {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    phases: mpsc::UnboundedSender<()>,
    counts: blocking::Receiver<AllocationInfo>,
}

impl ServerThread {
    pub(crate) fn start(server: impl FnOnce() -> Server + Send + 'static) -> Self {
        let (phases, mut next) = mpsc::unbounded_channel();
        let (counted, counts) = blocking::channel();
        let (told, started) = blocking::channel();
        std::thread::spawn(move || {
            let runtime = runtime();
            let bound = runtime.block_on(server().bind("127.0.0.1:0")).unwrap();
            told.send((bound.local_addr(), bound.handle())).unwrap();
            runtime.spawn(bound.run());
            loop {
                let mut ended = false;
                let count = measure(|| ended = runtime.block_on(next.recv()).is_none());
                if ended || counted.send(count).is_err() {
                    return;
                }
            }
        });
        let (address, handle) = started.recv().unwrap();
        Self { address, handle, phases, counts }
    }

    /// What it has allocated since the last time.
    pub(crate) fn count(&self) -> AllocationInfo {
        self.phases.send(()).unwrap();
        self.counts.recv().unwrap()
    }
}

/// Waits for something that happens by itself.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within a minute: {what}");
}
