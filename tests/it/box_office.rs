//! The service of these tests: an office that tells of everything that it does.

use carnegie::{Context, Schema, service};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) struct Ticket {
    pub(crate) order: u64,
    pub(crate) holder: String,
}

/// As deep as its sender likes.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Chain {
    pub(crate) next: Option<Box<Chain>>,
}

#[service]
pub(crate) trait Office {
    /// At most once.
    async fn sell(&self, order: u64, holder: &str) -> Ticket;
    /// Not before the doors are open.
    async fn sell_later(&self, order: u64) -> u64;
    #[rpc(idempotent)]
    async fn look(&self) -> u64;
    /// Not before the doors are open.
    #[rpc(idempotent)]
    async fn look_later(&self) -> u64;
    /// Milliseconds that the caller waits at most.
    async fn patience(&self, cx: &Context) -> u64;
    #[rpc(timeout = "5s")]
    async fn hurried_patience(&self, cx: &Context) -> u64;
    /// Takes a fifth of a second.
    async fn sell_slowly(&self, order: u64) -> u64;
    /// Takes a fifth of a second.
    #[rpc(idempotent)]
    async fn look_slowly(&self, order: u64) -> u64;
    #[rpc(blocking)]
    async fn print(&self, order: u64) -> u64;
    async fn panic(&self, late: bool);
    async fn store(&self, data: Vec<u8>) -> u64;
    async fn fetch(&self, len: u64) -> Vec<u8>;
    async fn chain(&self, chain: Chain) -> u64;
    async fn units(&self, units: Vec<()>) -> u64;
    async fn numbers(&self, numbers: Vec<u64>) -> u64;
}

/// What the office did: the method, and the order where there is one.
pub(crate) type Did = (&'static str, u64);

pub(crate) struct Hall {
    tell: Box<dyn Fn(Did) + Send + Sync>,
    doors: watch::Receiver<bool>,
}

/// The test's side of a hall.
pub(crate) struct Events {
    pub(crate) did: UnboundedReceiver<Did>,
    pub(crate) doors: watch::Sender<bool>,
}

pub(crate) fn hall() -> (OfficeServer<Hall>, Events) {
    let (did, receiver) = unbounded_channel();
    // The test may have ended.
    let (office, doors) = telling(move |what| did.send(what).unwrap_or_default());
    (office, Events { did: receiver, doors })
}

/// A hall that tells what it does before it does it, and the key to its doors.
pub(crate) fn telling(
    tell: impl Fn(Did) + Send + Sync + 'static,
) -> (OfficeServer<Hall>, watch::Sender<bool>) {
    let (doors, opened) = watch::channel(false);
    (OfficeServer::new(Hall { tell: Box::new(tell), doors: opened }), doors)
}

impl Events {
    /// What has happened so far.
    pub(crate) fn so_far(&mut self) -> Vec<Did> {
        std::iter::from_fn(|| self.did.try_recv().ok()).collect()
    }
}

impl Hall {
    fn tell(&self, what: &'static str, order: u64) {
        (self.tell)((what, order));
    }

    async fn doors(&self) {
        let _ = self.doors.clone().wait_for(|open| *open).await;
    }
}

/// Tells that a handler was dropped before its end.
struct Guard<'a>(&'a Hall);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.tell("look_later dropped", 0);
    }
}

impl Office for Hall {
    async fn sell(&self, order: u64, holder: &str) -> Ticket {
        self.tell("sell", order);
        Ticket { order, holder: holder.to_owned() }
    }

    async fn sell_later(&self, order: u64) -> u64 {
        self.tell("sell_later", order);
        self.doors().await;
        self.tell("sell_later done", order);
        order
    }

    async fn look(&self) -> u64 {
        self.tell("look", 0);
        7
    }

    async fn look_later(&self) -> u64 {
        self.tell("look_later", 0);
        let guard = Guard(self);
        self.doors().await;
        std::mem::forget(guard);
        7
    }

    async fn patience(&self, cx: &Context) -> u64 {
        cx.remaining().as_millis() as u64
    }

    async fn hurried_patience(&self, cx: &Context) -> u64 {
        cx.remaining().as_millis() as u64
    }

    async fn sell_slowly(&self, order: u64) -> u64 {
        self.tell("sell_slowly", order);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        order
    }

    async fn look_slowly(&self, order: u64) -> u64 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        order
    }

    async fn print(&self, order: u64) -> u64 {
        self.tell("print", order);
        while !*self.doors.borrow() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        order
    }

    async fn panic(&self, late: bool) {
        if late {
            tokio::task::yield_now().await;
        }
        panic!("the hall is on fire")
    }

    async fn store(&self, data: Vec<u8>) -> u64 {
        self.tell("store", data.len() as u64);
        data.len() as u64
    }

    async fn fetch(&self, len: u64) -> Vec<u8> {
        self.tell("fetch", len);
        vec![7; len as usize]
    }

    async fn chain(&self, chain: Chain) -> u64 {
        let (mut depth, mut at) = (0, &chain);
        while let Some(next) = &at.next {
            (depth, at) = (depth + 1, next);
        }
        self.tell("chain", depth);
        depth
    }

    async fn units(&self, units: Vec<()>) -> u64 {
        self.tell("units", units.len() as u64);
        units.len() as u64
    }

    async fn numbers(&self, numbers: Vec<u64>) -> u64 {
        self.tell("numbers", numbers.len() as u64);
        numbers.iter().sum()
    }
}
