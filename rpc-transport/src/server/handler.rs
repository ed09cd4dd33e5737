//! One execution: a handler is polled once inline and moved to a task of its own if it is not ready. Its panics are
//! caught and are its result.

use crate::context::{Context, Polling};
use crate::incoming::{Handler, Incoming, Outcome};
use crate::server::sessions::Link;
use crate::server::waiting;
use bytes::Bytes;
use rpc_core::server::{Begin, Completion, Execute};
use rpc_core::service::{Failure, Verdict};
use rpc_core::{Code, Error, Hop, Instant, SlotId};
use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::AbortHandle;

/// How an execution ended, with the buffers that can be used again.
pub(crate) struct Ended {
    pub(crate) at: SlotId,
    result: Result<Verdict, Box<Completion>>,
    /// The encoded reply, if there is one.
    reply: Vec<u8>,
    /// Its last bytes, if they are many.
    block: Option<Box<Bytes>>,
    pub(crate) payload: Vec<u8>,
}

impl Ended {
    /// Bytes of the reply.
    #[inline]
    pub(crate) fn reply_len(&self) -> usize {
        match (&self.result, &self.block) {
            (Ok(_), None) => self.reply.len(),
            (Ok(_), Some(block)) => self.reply.len() + block.len(),
            (Err(_), _) => 0,
        }
    }

    /// What the engine is told.
    #[inline]
    pub(crate) fn completion(&mut self) -> Completion {
        match (std::mem::replace(&mut self.result, Ok(Verdict::Ok)), self.block.take()) {
            (Ok(Verdict::Ok), None) => Completion::Ok(std::mem::take(&mut self.reply)),
            (Ok(Verdict::Application), None) => Completion::Application(std::mem::take(&mut self.reply)),
            (Ok(verdict), Some(block)) => Completion::Block(verdict, std::mem::take(&mut self.reply), block),
            (Err(completion), _) => *completion,
        }
    }
}

/// A handler that was not ready when it was polled.
pub(crate) struct Waiting {
    at: SlotId,
    deadline: Instant,
    span: tracing::Span,
    handler: Pin<Box<Handler>>,
}

/// A handler on its way to a task of its own.
pub(crate) enum Handling {
    /// It has not started, and the engine has to agree when it does.
    Queued(Execute, Vec<u8>),
    Waiting(Waiting),
    /// The engine has agreed, and it has not been polled.
    Begun(Execute, Vec<u8>),
}

/// Starts a handler, to which the engine has agreed, and polls it once. If it has not ended by that, it is returned.
pub(crate) fn begin(
    link: &Arc<Link>,
    execute: Execute,
    buffer: Vec<u8>,
    cx: &mut std::task::Context<'_>,
    all: &mut Vec<Ended>,
) -> Option<Waiting> {
    let Execute { at, deadline, .. } = execute;
    let span = span(link, &execute);
    let polled = {
        let _polling = Polling::under(deadline);
        let _entered = span.enter();
        // What came of it goes to its last place in here: on its way out it would be moved once more for each step.
        catch_unwind(AssertUnwindSafe(|| {
            let mut handler = dispatch(link, execute, buffer);
            match handler.as_mut().poll(cx) {
                Poll::Ready(outcome) => {
                    all.push(ended(at, outcome));
                    None
                }
                Poll::Pending => Some(handler),
            }
        }))
    };
    match polled {
        Ok(handler) => handler.map(|handler| Waiting { at, deadline, span, handler }),
        Err(panic) => {
            all.push(panicked(at, panic));
            None
        }
    }
}

fn dispatch(link: &Arc<Link>, execute: Execute, buffer: Vec<u8>) -> Pin<Box<Handler>> {
    let Execute { at, service, method, deadline, attempt, metadata, payload, .. } = execute;
    let context = Context { link: link.clone(), at, deadline, attempt, metadata };
    let incoming = Incoming::new(context, link.session().coding(), payload, buffer);
    match link.server().services().get(usize::from(service)) {
        Some(service) => service.dispatch(method, incoming),
        None => crate::incoming::no_such_method(incoming),
    }
}

/// What the handler logs bears the request id. Costs one load while nobody listens.
#[inline]
fn span(link: &Link, execute: &Execute) -> tracing::Span {
    if !tracing::enabled!(target: "carnegie::server", tracing::Level::DEBUG) {
        return tracing::Span::none();
    }
    let descriptor = link.server().services().get(usize::from(execute.service)).map(|s| s.descriptor());
    let method = descriptor.and_then(|d| d.methods.get(usize::from(execute.method)));
    tracing::debug_span!(
        target: "carnegie::server",
        "handler",
        request_id = %execute.request_id,
        service = descriptor.map_or("", |d| d.name),
        method = method.map_or("", |m| m.name),
        attempt = execute.attempt,
        peer = link.peer(),
    )
}

impl Waiting {
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Ended> {
        let _polling = Polling::under(self.deadline);
        let _entered = self.span.enter();
        match catch_unwind(AssertUnwindSafe(|| self.handler.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(ended(self.at, outcome)),
            Err(panic) => Poll::Ready(panicked(self.at, panic)),
        }
    }
}

impl Handling {
    pub(crate) fn at(&self) -> SlotId {
        match self {
            Handling::Queued(execute, _) | Handling::Begun(execute, _) => execute.at,
            Handling::Waiting(waiting) => waiting.at,
        }
    }

    /// It has a thread of its own.
    pub(crate) fn blocks(&self) -> bool {
        matches!(self, Handling::Queued(execute, _) | Handling::Begun(execute, _) if execute.blocking)
    }

    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self, Handling::Queued(..))
    }

    /// Lets the handler go on in a task of its own, or on a thread of its own if it blocks.
    pub(crate) fn spawn(self, link: &Arc<Link>) -> AbortHandle {
        let link = link.clone();
        match &self {
            Handling::Queued(execute, _) | Handling::Begun(execute, _) if execute.blocking => {
                let runtime = tokio::runtime::Handle::current();
                tokio::task::spawn_blocking(move || runtime.block_on(run(self, link))).abort_handle()
            }
            _ => tokio::spawn(run(self, link)).abort_handle(),
        }
    }
}

async fn run(handling: Handling, link: Arc<Link>) {
    let mut ended = Vec::new();
    let waiting = match handling {
        Handling::Waiting(waiting) => Some(waiting),
        Handling::Begun(execute, buffer) => first_poll(&link, execute, buffer, &mut ended).await,
        // It may have waited for a thread until nobody waited for it any more.
        Handling::Queued(execute, buffer) => match link.begin(execute.at) {
            Begin::Now => first_poll(&link, execute, buffer, &mut ended).await,
            Begin::Later { .. } => {
                let host = link.server().clone();
                return host.wait(waiting::Waiting { link, execute, buffer });
            }
            Begin::Never => return,
        },
    };
    if let Some(mut waiting) = waiting {
        ended.push(poll_fn(|cx| waiting.poll(cx)).await);
    }
    link.complete(&mut ended);
}

async fn first_poll(
    link: &Arc<Link>,
    execute: Execute,
    buffer: Vec<u8>,
    ended: &mut Vec<Ended>,
) -> Option<Waiting> {
    let mut begun = Some((execute, buffer));
    poll_fn(|cx| match begun.take() {
        Some((execute, buffer)) => Poll::Ready(begin(link, execute, buffer, cx, ended)),
        None => Poll::Pending,
    })
    .await
}

#[inline]
fn ended(at: SlotId, Outcome { verdict, buffer: reply, block, payload }: Outcome) -> Ended {
    Ended { at, result: verdict.map_err(|failure| Box::new(failed(*failure))), reply, block, payload }
}

#[cold]
fn failed(failure: Failure) -> Completion {
    match failure {
        Failure::Arguments(error) => {
            Completion::NotStarted { code: Code::InvalidArgument, reason: error.to_string() }
        }
        Failure::Reply(error) => internal(format!("the reply cannot be sent: {error}")),
        Failure::Nested(error) => nested(&error),
    }
}

fn internal(message: String) -> Completion {
    Completion::Failed { code: Code::Internal, message, hops: Vec::new() }
}

/// A failure that the handler passed on: the innermost reason once, and the calls that lead to it.
fn nested(error: &Error) -> Completion {
    let address = error.address().unwrap_or_default().to_owned();
    let mut hops = vec![Hop { method: error.method().to_owned(), address }];
    hops.extend_from_slice(error.hops());
    Completion::Failed { code: error.code(), message: reason(error), hops }
}

/// The failure without the call's name and address, which stand in its hop.
fn reason(error: &Error) -> String {
    match error {
        Error::DeadlineExceeded { after, execution, .. } => {
            format!("no answer within {after:?} ({execution})")
        }
        Error::ConnectionLost { why, execution, .. } => format!("{why} ({execution})"),
        Error::Refused { reason, .. } => format!("refused: {reason} (not executed)"),
        Error::Internal { message, .. } | Error::Nested { message, .. } => message.clone(),
        other => {
            let text = other.to_string();
            let named = text.strip_prefix(other.method()).and_then(|rest| rest.strip_prefix(": "));
            named.map_or_else(|| text.clone(), str::to_owned)
        }
    }
}

fn panicked(at: SlotId, panic: Box<dyn Any + Send>) -> Ended {
    let said = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(other) => {
                // Its drop may panic too, and nothing would catch that.
                std::mem::forget(other);
                "with a value that is no text".to_owned()
            }
        },
    };
    let completion = internal(format!("panicked: {said}"));
    Ended { at, result: Err(Box::new(completion)), reply: Vec::new(), block: None, payload: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_core::{Attempts, Execution};

    #[test]
    fn a_nested_failure_lists_its_hops_and_says_its_reason_once() {
        let error = Error::Nested {
            method: "Bank.pay",
            address: "10.0.0.7:7001".into(),
            code: Code::Unavailable,
            message: "no answer to a ping for 0.4 s".into(),
            hops: [Hop { method: "Vault.open".into(), address: "10.0.0.8:7002".into() }].into(),
            request_id: None,
            attempts: Attempts::default(),
        };
        let Completion::Failed { code, message, hops } = nested(&error) else { panic!("a failure") };
        assert_eq!(code, Code::Unavailable);
        assert_eq!(message, "no answer to a ping for 0.4 s");
        let way: Vec<String> = hops.iter().map(ToString::to_string).collect();
        assert_eq!(way, ["Bank.pay 10.0.0.7:7001", "Vault.open 10.0.0.8:7002"]);
    }

    #[test]
    fn the_reason_of_a_lost_connection_leaves_out_what_the_hop_says() {
        let error = Error::ConnectionLost {
            method: "Bank.pay",
            address: "10.0.0.7:7001".into(),
            why: "no answer to a ping for 0.4 s".into(),
            execution: Execution::Unknown,
            request_id: None,
            attempts: Attempts::default(),
        };
        assert_eq!(reason(&error), "no answer to a ping for 0.4 s (execution unknown)");
        let error = Error::Unencodable { method: "Bank.pay", why: "too deep".into() };
        assert_eq!(reason(&error), "the arguments cannot be sent: too deep (not executed)");
    }

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        for (panic, said) in [
            (Box::new("at once") as Box<dyn Any + Send>, "panicked: at once"),
            (Box::new("late".to_owned()), "panicked: late"),
            (Box::new(7_u8), "panicked: with a value that is no text"),
        ] {
            let ended = panicked(SlotId { slot: 0, sequence: 1 }, panic);
            let Completion::Failed { message, .. } = { ended }.completion() else { panic!("a failure") };
            assert_eq!(message, said);
        }
    }
}
