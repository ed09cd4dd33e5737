//! Tasks, which are shuttle's.

use crate::runtime;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub use shuttle::future::{AbortHandle, JoinError, JoinHandle, yield_now};

/// What counts steps of a task does not concern us.
pub mod coop {
    pub use real::task::coop::unconstrained;
}

/// A task of its own.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = shuttle::future::spawn(Exact::new(future));
    runtime::started(task.abort_handle());
    task
}

/// A thread of its own, which once it runs is not stopped any more.
#[track_caller]
pub fn spawn_blocking<F, R>(run: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    spawn(async move { run() })
}

/// Polls a future when it was woken, and only then. Shuttle's own wake-ups are not enough: a task that waits for a lock in the
/// middle of its poll uses them up for that, and one that has waited is polled once more for nothing, which would hide that
/// nobody had woken it.
pub(crate) struct Exact<F> {
    future: Pin<Box<F>>,
    woken: Option<(Arc<Woken>, Waker)>,
}

struct Woken {
    since: AtomicBool,
    task: Waker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.since.store(true, Ordering::Relaxed);
        self.task.wake_by_ref();
    }
}

impl<F: Future> Exact<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), woken: None }
    }
}

impl<F: Future> Future for Exact<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, woken } = self.get_mut();
        let (woken, waker) = woken.get_or_insert_with(|| {
            let woken = Arc::new(Woken { since: AtomicBool::new(true), task: cx.waker().clone() });
            (woken.clone(), Waker::from(woken))
        });
        if !woken.since.swap(false, Ordering::Relaxed) {
            return Poll::Pending;
        }
        let polled = future.as_mut().poll(&mut Context::from_waker(waker));
        if polled.is_pending() && woken.since.load(Ordering::Relaxed) {
            cx.waker().wake_by_ref();
        }
        polled
    }
}

/// Tasks that end with it.
pub struct JoinSet<T> {
    tasks: Vec<JoinHandle<T>>,
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self { tasks: Vec::new() }
    }
}

impl<T: Send + 'static> JoinSet<T> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    pub fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) -> AbortHandle {
        let task = spawn(future);
        let handle = task.abort_handle();
        self.tasks.push(task);
        handle
    }

    /// The next one to end.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| {
            for index in 0..self.tasks.len() {
                if let Poll::Ready(ended) = Pin::new(&mut self.tasks[index]).poll(cx) {
                    drop(self.tasks.swap_remove(index));
                    return Poll::Ready(Some(ended));
                }
            }
            if self.tasks.is_empty() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
