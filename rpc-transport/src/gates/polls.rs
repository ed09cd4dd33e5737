//! `busy_poll`, counted: no poll unless it is asked for, polls while a call is outstanding, none once nothing moves. One side
//! polls at a time, and both have the same thread, so each poll is that side's.

use super::{ECHO, EchoClient, EchoServer, LATER, POLLS};
use crate::{ByteStream, Server, connect_over, in_process};
use rpc_core::Limits;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;

/// Longer than any of these tests.
const ALWAYS: Duration = Duration::from_secs(3600);

/// Whoever says nothing is waited for: a connection that is given up ends the polls as well.
fn patient() -> Limits {
    Limits::default().probe_after(ALWAYS).keep_alive(ALWAYS).pong_wait_min(ALWAYS).call_timeout(ALWAYS)
}

/// Over before long. A task that never ceased to poll would still find its way from one poll to the next within it.
const SHORT: Duration = Duration::from_millis(100);

/// Fails a test that would else hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often every task of the thread that can go on has its turn, to see whether one of them polls.
const TURNS: u64 = 1000;

#[derive(Clone, Copy)]
enum Side {
    Channel,
    Server,
}

/// A channel and its server.
struct Ends {
    client: EchoClient,
    /// What the channel writes, and the server.
    up: Arc<AtomicBool>,
    down: Arc<AtomicBool>,
    may_end: Arc<Semaphore>,
    _server: crate::ServerHandle,
}

impl Ends {
    /// Whoever is named polls for so long.
    async fn connect(polls: Option<(Side, Duration)>) -> Self {
        let echo = EchoServer::new();
        let may_end = echo.may_end.clone();
        let mut server = Server::new().limits(patient()).add(echo);
        if let Some((Side::Server, window)) = polls {
            server = server.busy_poll(window);
        }
        let server = server.start().unwrap();
        let (near, far) = in_process();
        let (up, down) = (Arc::default(), Arc::default());
        server.serve_stream(Dam { stream: far, shut: Arc::clone(&down) }, "the test");
        let mut connect = connect_over(Dam { stream: near, shut: Arc::clone(&up) }).limits(patient());
        if let Some((Side::Channel, window)) = polls {
            connect = connect.busy_poll(window);
        }
        Self { client: connect.await.unwrap(), up, down, may_end, _server: server }
    }

    /// A call that ends in its own time.
    fn start(&self, method: u16) -> tokio::task::JoinHandle<u32> {
        let client = self.client.clone();
        tokio::spawn(async move { client.call(method, 7).await.unwrap() })
    }
}

/// A stream that can cease to take what is written.
struct Dam<S> {
    stream: S,
    shut: Arc<AtomicBool>,
}

impl<S: ByteStream + Unpin> AsyncRead for Dam<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: ByteStream + Unpin> AsyncWrite for Dam<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Never opened again, so nobody need be woken.
        if self.shut.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Busy polls while every task that can go on has [`TURNS`] turns.
async fn polls() -> u64 {
    let before = POLLS.get();
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    POLLS.get() - before
}

/// Whether the polls end. Of a task that polls, each turn is one.
async fn they_end() -> bool {
    let begun = Instant::now();
    while polls().await > 0 {
        if begun.elapsed() > PATIENCE {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn nobody_polls_busily_unless_told_to() {
    let before = POLLS.get();
    let ends = Ends::connect(None).await;
    let later = ends.start(LATER);
    for number in 0..100 {
        assert_eq!(ends.client.call(ECHO, number).await.unwrap(), number);
    }
    polls().await;
    ends.may_end.add_permits(1);
    assert_eq!(later.await.unwrap(), 7);
    polls().await;
    assert_eq!(POLLS.get(), before);
}

async fn polls_while_a_call_is_outstanding(side: Side) {
    let ends = Ends::connect(Some((side, ALWAYS))).await;
    let later = ends.start(LATER);
    let polls = polls().await;
    assert!(polls > TURNS / 2, "{polls} polls in {TURNS} turns");
    ends.may_end.add_permits(1);
    assert_eq!(later.await.unwrap(), 7);
}

#[tokio::test]
async fn a_channel_polls_while_a_call_is_outstanding() {
    polls_while_a_call_is_outstanding(Side::Channel).await;
}

#[tokio::test]
async fn a_server_polls_while_a_call_is_outstanding() {
    polls_while_a_call_is_outstanding(Side::Server).await;
}

async fn stops_once_its_window_is_over(side: Side) {
    let ends = Ends::connect(Some((side, SHORT))).await;
    for number in 0..100 {
        assert_eq!(ends.client.call(ECHO, number).await.unwrap(), number);
    }
    assert!(they_end().await, "nothing is outstanding");
    // And that does not keep it from serving.
    assert_eq!(ends.client.call(ECHO, 7).await.unwrap(), 7);
    assert!(they_end().await, "nothing is outstanding again");
}

#[tokio::test]
async fn a_channel_stops_polling_once_its_window_is_over() {
    stops_once_its_window_is_over(Side::Channel).await;
}

#[tokio::test]
async fn a_server_stops_polling_once_its_window_is_over() {
    stops_once_its_window_is_over(Side::Server).await;
}

/// The first of several calls is handed to a stream that takes nothing, the others wait behind it.
async fn stops_when_its_peer_does_not_read(side: Side, shut: impl Fn(&Ends) -> &AtomicBool) {
    let ends = Ends::connect(Some((side, SHORT))).await;
    shut(&ends).store(true, Ordering::SeqCst);
    for _ in 0..3 {
        ends.start(ECHO);
        polls().await;
    }
    assert!(they_end().await, "nothing moves");
}

#[tokio::test]
async fn a_channel_stops_polling_when_its_server_does_not_read() {
    stops_when_its_peer_does_not_read(Side::Channel, |ends| &ends.up).await;
}

#[tokio::test]
async fn a_server_stops_polling_when_its_client_does_not_read() {
    stops_when_its_peer_does_not_read(Side::Server, |ends| &ends.down).await;
}
