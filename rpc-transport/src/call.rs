//! One call: a future with options. Its arguments are encoded when the stub is called, so its type knows nothing of
//! them, and their loan ends there. Nothing is sent before the first poll.

use crate::binding::Binding;
use crate::client::{Request, Ticket};
use crate::stub::give_back;
use rpc_core::codec::Unencodable;
use rpc_core::service::{Payload, Reply, Returns};
use rpc_core::{Error, Metadata};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A call that was not started yet, or whose answer is awaited. It starts when it is first polled, and until then takes
/// options.
///
/// It is a future like any other: it can be awaited, joined, raced and collected. Dropping it gives the call up: what was
/// not handed to the stream is not sent; an idempotent handler is dropped; any other handler learns it by its context, and runs to its
/// end.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'a, R> {
    inner: Inner<'a>,
    returns: PhantomData<fn() -> R>,
}

/// All of a call that does not depend on its result's type, so that its code is there once.
struct Inner<'a> {
    binding: Lent<'a>,
    method: u16,
    state: State,
}

enum Lent<'a> {
    Borrowed(&'a Binding),
    Owned(Binding),
}

/// ```text
///          first poll           answer, deadline, loss
///  Unsent ------------> Started -----------------------> Ended
/// ```
enum State {
    Unsent(Unsent),
    Started(Ticket),
    Ended,
}

struct Unsent {
    payload: Result<Vec<u8>, Box<Unencodable>>,
    timeout: Option<Duration>,
    metadata: Option<Box<Metadata>>,
}

impl Lent<'_> {
    #[inline]
    fn get(&self) -> &Binding {
        match self {
            Lent::Borrowed(binding) => binding,
            Lent::Owned(binding) => binding,
        }
    }
}

impl<'a, R> Call<'a, R> {
    #[inline]
    pub(crate) fn new(binding: &'a Binding, method: u16, payload: Result<Vec<u8>, Box<Unencodable>>) -> Self {
        let state = State::Unsent(Unsent { payload, timeout: None, metadata: None });
        Self { inner: Inner { binding: Lent::Borrowed(binding), method, state }, returns: PhantomData }
    }

    /// Ends the call with `DeadlineExceeded` when there is no answer after this long. Default: what the method says, else
    /// what the channel says, else 10 s. Inside a handler it is never more than what remains to that handler. To the server
    /// no deadline is further away than 2^32 - 1 ms (49.7 days): its handler is told then, or dropped if it is idempotent,
    /// however long this side would still wait. Without effect on a call that was polled already.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let State::Unsent(unsent) = &mut self.inner.state {
            unsent.timeout = Some(timeout);
        }
        self
    }

    /// Sends a pair of texts along, which the handler finds in its context; 8 KiB in all. Without effect on a call that was
    /// polled already.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        if let State::Unsent(unsent) = &mut self.inner.state {
            unsent.metadata.get_or_insert_default().insert(key, value);
        }
        self
    }

    /// The call with its own handle of the channel, so that it can be spawned.
    pub fn into_owned(mut self) -> Call<'static, R> {
        let state = std::mem::replace(&mut self.inner.state, State::Ended);
        let binding = Lent::Owned(self.inner.binding.get().clone());
        Call { inner: Inner { binding, method: self.inner.method, state }, returns: PhantomData }
    }
}

impl Inner<'_> {
    /// One function for all methods of all services.
    #[inline(never)]
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Reply, Error>> {
        match &self.state {
            State::Started(ticket) => {
                let result = ready!(self.binding.get().channel().shared().poll_ended(*ticket, cx));
                self.state = State::Ended;
                self.trace(&result);
                Poll::Ready(result)
            }
            _ => self.start(cx),
        }
    }

    fn start(&mut self, cx: &Context<'_>) -> Poll<Result<Reply, Error>> {
        let State::Unsent(unsent) = std::mem::replace(&mut self.state, State::Ended) else {
            panic!("a call was polled after it had ended")
        };
        let binding = self.binding.get();
        let payload = match unsent.payload {
            Ok(payload) => payload,
            Err(why) => {
                let method = binding.method(self.method).map_or("", |method| method.path);
                return Poll::Ready(Err(Error::Unencodable { method, why: why.to_string() }));
            }
        };
        let request = Request {
            binding: binding.id(),
            method: self.method,
            timeout: unsent.timeout.unwrap_or_else(|| binding.timeout(self.method)),
            metadata: unsent.metadata,
            payload,
        };
        self.state = State::Started(binding.channel().shared().start(request, cx));
        Poll::Pending
    }

    /// For logs: off, it costs one load.
    #[inline]
    fn trace(&self, result: &Result<Reply, Error>) {
        if tracing::enabled!(target: "carnegie::call", tracing::Level::DEBUG) {
            self.log(result);
        }
    }

    #[cold]
    fn log(&self, result: &Result<Reply, Error>) {
        let method = self.binding.get().method(self.method).map_or("", |method| method.path);
        let id = result.as_ref().map_or_else(Error::request_id, |reply| reply.request_id);
        let id = id.map_or("none".to_owned(), |id| id.to_string());
        let span = tracing::debug_span!(target: "carnegie::call", "call", method, request_id = id);
        span.in_scope(|| match result {
            Ok(reply) => tracing::debug!(target: "carnegie::call", verdict = ?reply.verdict, "answered"),
            Err(error) => tracing::debug!(target: "carnegie::call", %error, "failed"),
        });
    }
}

impl Drop for Inner<'_> {
    fn drop(&mut self) {
        if let State::Started(ticket) = &self.state {
            self.binding.get().channel().shared().give_up(*ticket);
        }
    }
}

/// The buffer that brought the result takes the arguments of one of the thread's next calls.
fn reuse(reply: Reply) {
    if let Payload::Owned(buffer) = reply.payload {
        give_back(buffer);
    }
}

impl<R: Returns> Future for Call<'_, R> {
    type Output = R::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R::Output> {
        Poll::Ready(match ready!(self.inner.poll(cx)) {
            Ok(reply) => {
                let output = R::decode(Ok(&reply));
                reuse(reply);
                output
            }
            Err(error) => R::decode(Err(error)),
        })
    }
}

impl<R> fmt::Debug for Call<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.inner.binding.get().method(self.inner.method).map_or("", |method| method.path);
        let state = match &self.inner.state {
            State::Unsent(_) => "not started",
            State::Started(_) => "started",
            State::Ended => "ended",
        };
        f.debug_struct("Call").field("method", &method).field("state", &state).finish_non_exhaustive()
    }
}
