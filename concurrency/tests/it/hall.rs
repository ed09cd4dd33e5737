//! The service that is called, and what a run has to watch.

use carnegie::{Context, service};
use shuttle::sync::Mutex;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

#[service]
pub(crate) trait Hall {
    /// Ready at its first poll.
    async fn sell(&self, cx: &Context, seat: u32) -> u32;
    /// Gives way so many times before it is ready.
    async fn slow(&self, cx: &Context, turns: u32) -> u32;
    /// Waits until its number is called.
    async fn wait(&self, cx: &Context, number: u32) -> u32;
    /// Waits until its caller has given up.
    async fn until_cancelled(&self, cx: &Context) -> u32;
    /// The same, but is dropped.
    #[rpc(idempotent)]
    async fn forever(&self, cx: &Context) -> u32;
    #[rpc(idempotent)]
    async fn free(&self, cx: &Context, seat: u32) -> u32;
    #[rpc(blocking)]
    async fn print(&self, cx: &Context, seat: u32) -> u32;
}

#[service]
pub(crate) trait Bar {
    async fn order(&self, drinks: u32) -> u32;
}

/// What handlers have in common in one run.
#[derive(Default)]
pub(crate) struct Seen {
    /// How often each call was started, by its request id.
    started: Mutex<BTreeMap<String, u32>>,
    ended: Mutex<u32>,
    called: Mutex<(Vec<u32>, Vec<Waker>)>,
}

impl Seen {
    fn start(&self, cx: &Context) {
        let mut started = self.started.lock().unwrap();
        let times = started.entry(cx.request_id().to_string()).or_default();
        *times += 1;
        assert_eq!(*times, 1, "{} started twice", cx.request_id());
    }

    fn end<T>(&self, value: T) -> T {
        *self.ended.lock().unwrap() += 1;
        value
    }

    /// Executions that began, and those that came to their end.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.started.lock().unwrap().len() as u32, *self.ended.lock().unwrap())
    }

    /// Lets the handlers go on that wait for this number.
    pub(crate) fn call(&self, number: u32) {
        let wakers = {
            let mut called = self.called.lock().unwrap();
            called.0.push(number);
            std::mem::take(&mut called.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[derive(Clone, Default)]
pub(crate) struct House(pub(crate) Arc<Seen>);

impl Hall for House {
    async fn sell(&self, cx: &Context, seat: u32) -> u32 {
        self.0.start(cx);
        self.0.end(seat + 1)
    }

    async fn slow(&self, cx: &Context, turns: u32) -> u32 {
        self.0.start(cx);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        self.0.end(turns)
    }

    async fn wait(&self, cx: &Context, number: u32) -> u32 {
        self.0.start(cx);
        poll_fn(|cx| {
            let mut called = self.0.called.lock().unwrap();
            if called.0.contains(&number) {
                return Poll::Ready(());
            }
            called.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
        self.0.end(number)
    }

    async fn until_cancelled(&self, cx: &Context) -> u32 {
        self.0.start(cx);
        cx.cancelled().await;
        assert!(cx.is_cancelled());
        self.0.end(0)
    }

    async fn forever(&self, cx: &Context) -> u32 {
        // It may be written again, and then runs again.
        let _ = cx;
        std::future::pending().await
    }

    async fn free(&self, _: &Context, seat: u32) -> u32 {
        tokio::task::yield_now().await;
        seat + 1
    }

    async fn print(&self, cx: &Context, seat: u32) -> u32 {
        self.0.start(cx);
        self.0.end(seat + 1)
    }
}

impl Bar for House {
    async fn order(&self, drinks: u32) -> u32 {
        drinks
    }
}
