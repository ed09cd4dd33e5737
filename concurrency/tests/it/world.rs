//! A server and its clients, in one run.

use crate::hall::{BarServer, HallClient, HallServer, House};
use carnegie::{Client, Server, ServerHandle, connect_over, connect_with};
use carnegie_concurrency::{Line, line};
use shuttle::rand::{Rng, thread_rng};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::block_on;

pub(crate) struct World {
    pub(crate) server: ServerHandle,
    pub(crate) house: House,
}

/// The lines that a channel has dialled, the newest last.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<Arc<Line>>>>);

impl Lines {
    /// The newest connection breaks.
    pub(crate) fn cut(&self) {
        let newest = self.0.lock().unwrap().last().cloned();
        newest.expect("something was dialled").cut();
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|server| server)
    }

    pub(crate) fn with(set: impl FnOnce(Server) -> Server) -> Self {
        let house = House::default();
        let server = Server::new().add(HallServer::new(house.clone())).add(BarServer::new(house.clone()));
        Self { server: set(server).start().unwrap(), house }
    }

    /// A client over one line, which takes a few bytes, or many.
    pub(crate) fn client(&self) -> (HallClient, Arc<Line>) {
        self.client_of("client")
    }

    /// One that comes from there.
    pub(crate) fn client_of(&self, peer: &str) -> (HallClient, Arc<Line>) {
        let (near, far, line) = line(capacity());
        self.server.serve_stream(far, peer);
        (block_on(async { connect_over(near).await }).unwrap(), line)
    }

    /// A client that dials again after each loss.
    pub(crate) fn redialling(&self) -> (HallClient, Lines) {
        let lines = Lines::default();
        let (server, dialled) = (self.server.clone(), lines.clone());
        let dialer = move || {
            let (near, far, line) = line(capacity());
            server.serve_stream(far, "client");
            dialled.0.lock().unwrap().push(line);
            async { Ok(near) }
        };
        (block_on(async { connect_with(dialer).await }).unwrap(), lines)
    }

    /// Nothing of calls is left at the client, whose stubs are so many; nor does any handler run.
    pub(crate) fn is_quiet(&self, hall: &HallClient, users: usize) {
        quiet();
        let held = hall.channel().held();
        assert_eq!((held.calls, held.resolving, held.slots), (0, 0, 0), "{held:?}");
        assert_eq!(held.users, users);
        let (started, ended) = self.house.0.counts();
        assert_eq!(started, ended, "handlers are left");
        assert_eq!(self.server.sessions().1, 0, "a handler is left in the table");
    }
}

/// How many bytes a line takes: less than a frame, or all that there may be.
fn capacity() -> usize {
    if thread_rng().gen_bool(0.5) { 16 } else { 4096 }
}

/// Waits until all is done that can be done without waiting.
pub(crate) fn quiet() {
    block_on(tokio::time::sleep(Duration::from_millis(10)));
}

/// Some number below `end`.
pub(crate) fn some(end: u32) -> u32 {
    thread_rng().gen_range(0..end)
}

/// Polls a future so often at most, and then drops it.
pub(crate) fn briefly<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    block_on(async {
        let mut future = pin!(future);
        for _ in 0..polls {
            if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
                return Some(output);
            }
            tokio::task::yield_now().await;
        }
        None
    })
}
