//! Seen from outside: spans and events that bear the request id on both sides, and counts that add up.

use crate::box_office::{OfficeClient, hall};
use crate::support::{run, soon, until};
use carnegie::{Client, Context, Limits, Server, service};
use std::fmt::Write;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::Poll;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Gives every span and every event to a function, as one line: target, name, fields. A span comes again whenever it has
/// more fields, and with `close` before it when it has ended.
pub(crate) struct Watching<F> {
    tell: F,
    /// Of each span its line so far, and its handles.
    spans: Mutex<Vec<(String, usize)>>,
}

impl<F> Watching<F> {
    pub(crate) fn new(tell: F) -> Self {
        Self { tell, spans: Mutex::new(Vec::new()) }
    }

    fn with<T>(&self, id: &Id, f: impl FnOnce(&mut (String, usize)) -> T) -> T {
        f(&mut self.spans.lock().unwrap()[id.into_u64() as usize - 1])
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

fn line(metadata: &Metadata<'_>) -> Line {
    Line(format!("{} {}", metadata.target(), metadata.name()))
}

impl<F: Fn(&str) + Send + Sync + 'static> Subscriber for Watching<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("carnegie") || metadata.target() == "the hall"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = line(span.metadata());
        span.record(&mut line);
        (self.tell)(&line.0);
        let mut spans = self.spans.lock().unwrap();
        spans.push((line.0, 1));
        Id::from_u64(spans.len() as u64)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = line(event.metadata());
        event.record(&mut line);
        (self.tell)(&line.0);
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let line = self.with(id, |(line, _)| {
            let mut longer = Line(std::mem::take(line));
            values.record(&mut longer);
            line.clone_from(&longer.0);
            longer.0
        });
        (self.tell)(&line);
    }
    fn clone_span(&self, id: &Id) -> Id {
        self.with(id, |(_, handles)| *handles += 1);
        id.clone()
    }
    fn try_close(&self, id: Id) -> bool {
        let (line, handles) = self.with(&id, |(line, handles)| {
            *handles -= 1;
            (line.clone(), *handles)
        });
        if handles == 0 {
            (self.tell)(&format!("close {line}"));
        }
        handles == 0
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {
        (self.tell)("enter");
    }
    fn exit(&self, _: &Id) {
        (self.tell)("exit");
    }
}

/// A subscriber of no thread. While there is but one, `tracing` asks the thread that first comes by a line whether it is to
/// be logged, and remembers the answer: tests that watch nothing would answer for the one that does.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// What the subscriber saw on this thread, on which everything of such a test runs.
pub(crate) fn watch() -> (Arc<Mutex<Vec<String>>>, tracing::subscriber::DefaultGuard) {
    LazyLock::force(&SECOND);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let watching = Watching::new(move |line: &str| kept.lock().unwrap().push(line.to_owned()));
    (lines, tracing::subscriber::set_default(watching))
}

#[service]
trait Logging {
    async fn sell(&self, cx: &Context, late: bool) -> String;
}

struct Logger;

impl Logging for Logger {
    async fn sell(&self, cx: &Context, late: bool) -> String {
        if late {
            tokio::task::yield_now().await;
        }
        tracing::info!(target: "the hall", "sold");
        cx.request_id().to_string()
    }
}

#[tokio::test]
async fn a_call_bears_one_request_id_in_the_logs_of_both_sides() {
    let (lines, _guard) = watch();
    let server = run(Server::new().add(LoggingServer::new(Logger))).await;
    let client: LoggingClient = server.client().await;
    let id = soon(client.sell(false)).await.unwrap();
    let with_id: Vec<_> = lines.lock().unwrap().iter().filter(|line| line.contains(&id)).cloned().collect();
    let of = |target: &str| with_id.iter().find(|line| line.starts_with(target)).cloned().unwrap_or_default();
    let (near, far) = (of("carnegie::call"), of("carnegie::server"));
    assert!(near.contains("Logging.sell"), "{with_id:#?}");
    assert!(far.contains("handler") && far.contains("sell") && far.contains("attempt=1"), "{with_id:#?}");
}

#[tokio::test]
async fn a_calls_span_lasts_from_its_start_to_its_end_and_has_its_number_as_soon_as_the_call_has() {
    let (lines, _guard) = watch();
    let server = run(Server::new().add(LoggingServer::new(Logger))).await;
    let client: LoggingClient = server.client().await;
    let id = soon(client.sell(true)).await.unwrap();
    let lines = lines.lock().unwrap();
    let at = |start: &str, part: &str| {
        let found = lines.iter().position(|line| line.starts_with(start) && line.contains(part));
        found.unwrap_or_else(|| panic!("{start} .. {part}: {lines:#?}"))
    };
    let (begun, numbered) = (at("carnegie::call call", "Logging.sell"), at("carnegie::call call", &id));
    let (handled, ended) = (at("the hall", "sold"), at("close carnegie::call call", &id));
    assert!(begun < numbered && numbered < handled && handled < ended, "{lines:#?}");
}

#[tokio::test]
async fn the_span_of_a_call_that_had_to_wait_for_a_slot_has_its_number_too() {
    let (lines, _guard) = watch();
    let mut one = Limits::default();
    one.slots = 1;
    let server = run(Server::new().add(LoggingServer::new(Logger)).limits(one)).await;
    let client: LoggingClient = server.client().await;
    let (first, second) = soon(async { tokio::join!(client.sell(true), client.sell(true)) }).await;
    let lines = lines.lock().unwrap();
    for id in [first.unwrap(), second.unwrap()] {
        let ended = |line: &String| line.starts_with("close carnegie::call call") && line.contains(&id);
        assert!(lines.iter().any(ended), "{id}: {lines:#?}");
    }
}

#[tokio::test]
async fn the_span_of_a_call_that_is_given_up_says_so_and_ends() {
    let (lines, _guard) = watch();
    let server = run(Server::new().add(LoggingServer::new(Logger))).await;
    let client: LoggingClient = server.client().await;
    let mut call = client.sell(false);
    let started = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx).is_pending())).await;
    assert!(started);
    drop(call);
    let lines = lines.lock().unwrap();
    let given_up =
        lines.iter().position(|line| line.starts_with("carnegie::call") && line.contains("given up"));
    let ended = lines.iter().position(|line| line.starts_with("close carnegie::call call"));
    assert!(given_up.is_some() && given_up < ended, "{lines:#?}");
}

#[tokio::test]
async fn what_a_handler_logs_stands_in_its_calls_span_before_and_after_it_has_waited() {
    for late in [false, true] {
        let (lines, _guard) = watch();
        let server = run(Server::new().add(LoggingServer::new(Logger))).await;
        let client: LoggingClient = server.client().await;
        soon(client.sell(late)).await.unwrap();
        let lines = lines.lock().unwrap();
        let at = lines.iter().position(|line| line.starts_with("the hall")).expect("it was logged");
        let open = |line: &String| i32::from(line == "enter") - i32::from(line == "exit");
        assert_eq!(lines[..at].iter().map(open).sum::<i32>(), 1, "late: {late}\n{lines:#?}");
    }
}

#[tokio::test]
async fn a_failed_call_is_logged_with_its_error_and_its_id() {
    let (lines, _guard) = watch();
    let server = run(Server::new().add(hall().0)).await;
    let client: OfficeClient = server.client().await;
    let error = soon(client.panic(false)).await.unwrap_err();
    let id = error.request_id().expect("it was sent").to_string();
    let lines = lines.lock().unwrap();
    assert!(
        lines.iter().any(|line| line.starts_with("carnegie::call") && line.contains("on fire")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("carnegie::server") && line.contains(&id)),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn the_counts_of_both_sides_add_up() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let client: OfficeClient = server.client().await;
    for order in 0..10 {
        soon(client.sell(order, "Ada")).await.unwrap();
    }
    soon(client.store(vec![1; 200_000])).await.unwrap();
    soon(client.fetch(300_000)).await.unwrap();
    // Refused here: never sent, and none of the server's.
    soon(client.look().timeout(Duration::ZERO)).await.unwrap_err();
    // Ended without an answer.
    soon(client.sell_later(11).timeout(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(events.so_far().len(), 13);
    let (near, far) = (client.channel().stats(), server.server.stats());
    assert_eq!((near.calls, far.calls), (14, 13));
    assert_eq!((near.unknown, near.retried, near.connections, far.connections), (1, 0, 1, 1));
    assert_eq!((far.replayed, far.attached, far.shed), (0, 0, 0));
    assert!(far.bytes_in > 200_000 && far.bytes_in < 210_000, "{far:?}");
    assert!(far.bytes_out > 300_000 && far.bytes_out < 310_000, "{far:?}");
    // What one side writes the other reads: once nothing is under way the counts are the same.
    until(|| client.channel().stats().bytes_in == server.server.stats().bytes_out).await;
    until(|| client.channel().stats().bytes_out == server.server.stats().bytes_in).await;
}

#[tokio::test]
async fn a_refusal_counts_as_shed_and_not_as_a_call() {
    let server = run(Server::new().add(hall().0)).await;
    let mut raw = crate::raw::Raw::bound::<OfficeClient>(server.address).await;
    raw.request::<OfficeClient>("numbers", b"\xfb").await;
    raw.reply(|reply| assert_eq!(reply.answer, rpc_core::frame::Answer::Refused)).await;
    let stats = server.server.stats();
    assert_eq!((stats.shed, stats.calls), (1, 0), "{stats:?}");
}

#[tokio::test]
async fn every_connection_is_counted_while_it_is_open() {
    let server = run(Server::new().add(hall().0)).await;
    let first: OfficeClient = server.client().await;
    let second: OfficeClient = server.client().await;
    assert_eq!(server.server.stats().connections, 2);
    first.channel().close();
    until(|| server.server.stats().connections == 1).await;
    assert_eq!(soon(second.look()).await.unwrap(), 7);
}
