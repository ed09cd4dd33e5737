//! What a handler may know about the call it serves, and the deadline that its own calls inherit.

use crate::clock::Clock;
use crate::server::sessions::Link;
use rpc_core::{Incarnation, Instant, Metadata, RequestId, SlotId};
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant as Moment};

/// What a handler may know about the call it serves. A handler that wants it takes `cx: &Context` as its first parameter;
/// callers never see that parameter.
#[derive(Clone)]
pub struct Context {
    pub(crate) link: Arc<Link>,
    pub(crate) at: SlotId,
    pub(crate) deadline: Instant,
    pub(crate) attempt: u8,
    pub(crate) metadata: Option<Box<Metadata>>,
}

impl Context {
    /// The call's number: session, slot, sequence. The caller's errors and logs name the same.
    pub fn request_id(&self) -> RequestId {
        RequestId { session: self.link.session().id(), at: self.at }
    }

    /// The run of the server process that this handler belongs to: with the request id it names an execution in any
    /// journal, however often the server was started.
    pub fn incarnation(&self) -> Incarnation {
        self.link.server().incarnation()
    }

    /// Which transmission of the call started this handler; the first is 1.
    pub fn attempt(&self) -> u8 {
        self.attempt
    }

    /// Who calls: `10.0.0.3:51234` over TCP, `unix:/run/hall.sock` over a Unix socket, else the label of the stream.
    pub fn peer(&self) -> &str {
        self.link.peer()
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Moment {
        Clock::to_std(self.deadline)
    }

    /// How long the caller still waits; zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.since(Clock::now())
    }

    /// The first value that the caller sent under this key.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.as_deref()?.get(key)
    }

    /// All pairs that the caller sent, in order.
    pub fn metadata_all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.as_deref().into_iter().flat_map(Metadata::iter)
    }

    /// Whether nobody waits for the result any more: the deadline has passed, or the caller gave up.
    pub fn is_cancelled(&self) -> bool {
        Clock::now() >= self.deadline || self.link.session().is_cancelled(self.at)
    }

    /// Returns once nobody waits for the result any more: the deadline has passed, or the caller gave up.
    ///
    /// A handler of an at-most-once method is never dropped half way, it is told here; what it returns then is still
    /// recorded as the call's result. Idempotent handlers are dropped and need not ask.
    pub async fn cancelled(&self) {
        let mut deadline = pin!(tokio::time::sleep_until(self.deadline().into()));
        poll_fn(|cx| {
            if self.link.session().poll_cancelled(self.at, cx.waker()) {
                return Poll::Ready(());
            }
            deadline.as_mut().poll(cx)
        })
        .await;
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request_id", &format_args!("{}", self.request_id()))
            .field("attempt", &self.attempt)
            .field("peer", &self.peer())
            .field("remaining", &self.remaining())
            .field("metadata", &self.metadata)
            .finish()
    }
}

crate::sync::thread_local! { static INHERITED: Cell<Instant> = const { Cell::new(Instant::NEVER) } }

/// The deadline of the handler that is being polled on this thread, if one is: calls made now end by then.
pub fn inherited() -> Option<Moment> {
    let deadline = inherited_deadline();
    (deadline != Instant::NEVER).then(|| Clock::to_std(deadline))
}

/// The same as the engines count it; [`Instant::NEVER`] outside of handlers.
#[inline]
pub(crate) fn inherited_deadline() -> Instant {
    INHERITED.with(Cell::get)
}

/// Stands around every poll of a handler: what is polled meanwhile on this thread inherits the deadline.
pub(crate) struct Polling {
    before: Instant,
}

impl Polling {
    #[inline]
    pub(crate) fn under(deadline: Instant) -> Self {
        Self { before: INHERITED.with(|inherited| inherited.replace(deadline)) }
    }
}

impl Drop for Polling {
    #[inline]
    fn drop(&mut self) {
        INHERITED.with(|inherited| inherited.set(self.before));
    }
}

/// Lets a task that a handler spawns inherit the handler's deadline: `tokio::spawn(context::inherit(async move { .. }))`.
/// What the handler awaits itself inherits it anyway.
pub fn inherit<F: Future>(future: F) -> Inherit<F> {
    Inherit { deadline: inherited_deadline(), future: Box::pin(future) }
}

/// A future whose calls end by the deadline of the handler that made it: see [`inherit`].
#[must_use = "futures do nothing unless they are awaited or spawned"]
pub struct Inherit<F> {
    deadline: Instant,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Inherit<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let _polling = Polling::under(self.deadline);
        self.future.as_mut().poll(cx)
    }
}

impl<F> fmt::Debug for Inherit<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherit").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_inherited_while_the_handler_is_polled_and_not_after() {
        assert_eq!(inherited(), None);
        let deadline = Instant(1_000_000_000);
        {
            let _outer = Polling::under(deadline);
            {
                let _inner = Polling::under(Instant(5));
                assert_eq!(inherited_deadline(), Instant(5));
            }
            assert_eq!(inherited(), Some(Clock::to_std(deadline)));
        }
        assert_eq!(inherited(), None);
    }

    #[tokio::test]
    async fn a_spawned_task_inherits_only_if_it_is_told_to() {
        let deadline = Clock::from_std(Moment::now() + Duration::from_secs(3));
        let (told, untold) = {
            let _polling = Polling::under(deadline);
            (
                tokio::spawn(inherit(async { inherited_deadline() })),
                tokio::spawn(async { inherited_deadline() }),
            )
        };
        assert_eq!(told.await.unwrap(), deadline);
        assert_eq!(untold.await.unwrap(), Instant::NEVER);
    }
}
