//! One call: a future with options. Its arguments are encoded when the stub is called, so its type knows nothing of
//! them, and their loan ends there. Nothing is sent before the first poll.

use crate::binding::Binding;
use crate::memory;
use crate::stub::give_back;
use bytes::Bytes;
use rpc_core::client::{CallKey, NewCall};
use rpc_core::codec::Unencodable;
use rpc_core::service::{Payload, Reply, Returns};
use rpc_core::{Error, Instant, Metadata, RequestId};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tracing::Span;
use tracing::field::{self, Empty};

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
    /// With a handle of a block that is not copied: the engine drops its own under the channel's lock, where nothing of the user's
    /// may run, so that the last one has to be here.
    Started(CallKey, Observed, #[expect(dead_code, reason = "kept to be dropped later")] Option<Box<Bytes>>),
    Ended,
}

/// The call's span, from its start to its end. Where nobody listens there is none, and nothing is asked or allocated.
struct Observed(Option<Box<Observing>>);

struct Observing {
    span: Span,
    /// The number that the span was given: some who listen show every one that it is given.
    id: Option<RequestId>,
}

struct Unsent {
    payload: Result<Vec<u8>, Box<Unencodable>>,
    /// What follows the payload.
    block: Option<Box<Bytes>>,
    timeout: Option<Duration>,
    metadata: Option<Box<Metadata>>,
    fail_fast: bool,
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
    pub(crate) fn new(
        binding: &'a Binding,
        method: u16,
        payload: Result<Vec<u8>, Box<Unencodable>>,
        block: Option<Box<Bytes>>,
    ) -> Self {
        let state = State::Unsent(Unsent { payload, block, timeout: None, metadata: None, fail_fast: false });
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

    /// Does not wait for a connection. If none is ready when the call starts, or the last one is lost while its request still
    /// waits to be written, it ends at once with `NotExecuted` and [`Error::Unavailable`], which says what is known of why: the
    /// addresses that were tried, with their errors. The channel makes a connection all the same, for the calls that come later.
    ///
    /// Of a call that was written this changes nothing. If its connection is lost, it may have been executed, so it waits for its
    /// session to be resumed, or for its deadline, like any other; and so does a call that waits for its turn while a connection is
    /// there. Default: what [`Connect::fail_fast`](crate::Connect::fail_fast) says, else a call waits inside its deadline. Without
    /// effect on a call that was polled already.
    pub fn fail_fast(mut self) -> Self {
        if let State::Unsent(unsent) = &mut self.inner.state {
            unsent.fail_fast = true;
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
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Reply, Box<Error>>> {
        let State::Started(key, observed, _) = &mut self.state else { return self.start(cx) };
        let polled = self.binding.get().channel().shared().poll_ended(*key, cx);
        if let Poll::Ready(result) = &polled {
            observed.ended(result);
            self.state = State::Ended;
        }
        polled
    }

    fn start(&mut self, cx: &Context<'_>) -> Poll<Result<Reply, Box<Error>>> {
        let State::Unsent(unsent) = &mut self.state else { panic!("a call was polled after it had ended") };
        // Taken out piece by piece: a call that is moved as a whole costs as much as a lock.
        let payload = std::mem::replace(&mut unsent.payload, Ok(Vec::new()));
        let (timeout, metadata, fail_fast) = (unsent.timeout, unsent.metadata.take(), unsent.fail_fast);
        let block = unsent.block.take();
        let binding = self.binding.get();
        let payload = match payload {
            Ok(payload) => payload,
            Err(why) => {
                self.state = State::Ended;
                let method = self.binding.get().method(self.method).map_or("", |method| method.path);
                return Poll::Ready(Err(Box::new(Error::Unencodable { method, why: why.to_string() })));
            }
        };
        let call = NewCall {
            binding: binding.id(),
            method: self.method,
            deadline: Instant::NEVER,
            timeout: timeout.unwrap_or_else(|| binding.timeout(self.method)),
            metadata,
            payload,
            fail_fast,
        };
        // Before the call, so that the span begins with it.
        let mut observed = Observed::begin(binding, self.method);
        let shared = binding.channel().shared();
        let kept = block.clone();
        let key = shared.start(call, block, cx);
        observed.number(|| shared.request_id(key));
        self.state = State::Started(key, observed, kept);
        Poll::Pending
    }
}

impl Observed {
    /// For logs: off, it costs one load.
    #[inline]
    fn begin(binding: &Binding, method: u16) -> Self {
        let listens = tracing::enabled!(target: "carnegie::call", tracing::Level::DEBUG);
        Self(if listens { Some(Box::new(Observing::begin(binding, method))) } else { None })
    }

    /// A call that has to wait for a slot has its number later, and one that is sent again has another.
    #[inline]
    fn number(&mut self, id: impl FnOnce() -> Option<RequestId>) {
        if let Some(observing) = &mut self.0 {
            observing.number(id());
        }
    }

    #[inline]
    fn ended(&mut self, result: &Result<Reply, Box<Error>>) {
        if let Some(observing) = &mut self.0 {
            observing.ended(result);
        }
    }
}

impl Observing {
    #[cold]
    fn begin(binding: &Binding, method: u16) -> Self {
        let method = binding.method(method).map_or("", |method| method.path);
        let span = tracing::debug_span!(target: "carnegie::call", "call", method, request_id = Empty);
        Self { span, id: None }
    }

    #[cold]
    fn number(&mut self, id: Option<RequestId>) {
        if let Some(new) = id
            && self.id.replace(new) != id
        {
            self.span.record("request_id", field::display(new));
        }
    }

    #[cold]
    fn ended(&mut self, result: &Result<Reply, Box<Error>>) {
        self.number(result.as_ref().map_or_else(|error| error.request_id(), |reply| reply.request_id));
        self.span.in_scope(|| match result {
            Ok(reply) => tracing::debug!(target: "carnegie::call", verdict = ?reply.verdict, "answered"),
            Err(error) => tracing::debug!(target: "carnegie::call", %error, "failed"),
        });
    }

    #[cold]
    fn given_up(&self) {
        self.span.in_scope(|| tracing::debug!(target: "carnegie::call", "given up"));
    }
}

impl Drop for Inner<'_> {
    fn drop(&mut self) {
        let State::Started(key, observed, _) = &mut self.state else { return };
        let shared = self.binding.get().channel().shared();
        observed.number(|| shared.request_id(*key));
        shared.give_up(*key);
        if let Some(observing) = &observed.0 {
            observing.given_up();
        }
    }
}

impl<R: Returns> Future for Call<'_, R> {
    type Output = R::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R::Output> {
        let mut polled = self.inner.poll(cx);
        // Read where it lies: a reply that is moved again has to wait until it has arrived from its last move.
        match &mut polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(reply)) => {
                memory::share(&mut reply.payload);
                let output = R::decode(Ok(reply));
                // The buffer that brought the result takes the arguments of one of the thread's next calls.
                if let Payload::Owned(buffer) = &mut reply.payload {
                    give_back(std::mem::take(buffer));
                }
                Poll::Ready(output)
            }
            Poll::Ready(Err(error)) => Poll::Ready(R::decode(Err((**error).clone()))),
        }
    }
}

impl<R> fmt::Debug for Call<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.inner.binding.get().method(self.inner.method).map_or("", |method| method.path);
        let state = match &self.inner.state {
            State::Unsent(_) => "not started",
            State::Started(..) => "started",
            State::Ended => "ended",
        };
        f.debug_struct("Call").field("method", &method).field("state", &state).finish_non_exhaustive()
    }
}
