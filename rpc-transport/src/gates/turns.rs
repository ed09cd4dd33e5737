//! A task that moves large messages gives way to the others of its thread, though its stream always takes and has more.

use super::{EchoClient, EchoServer};
use crate::turn::MOVED_MAX;
use crate::{ByteStream, Server, connect_over};
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, duplex};

/// As large as any.
const MESSAGE: usize = 8 << 20;

/// What one read or write more may bring, by which a turn exceeds what it may move; and a task may be called twice between two turns
/// of the test's.
const MOST: usize = 2 * (MOVED_MAX + (300 << 10));

/// In which all of a message is written.
const TURNS: usize = 1000;

thread_local! {
    static MOVED: Cell<usize> = const { Cell::new(0) };
    static HELD_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Counts the bytes that one side reads and writes. What comes can be held back.
struct Counted<S>(S);

fn count(polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    if let Poll::Ready(Ok(count)) = &polled {
        MOVED.set(MOVED.get() + count);
    }
    polled
}

impl<S: ByteStream + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if HELD_BACK.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = into.filled().len();
        let polled = Pin::new(&mut self.0).poll_read(cx, into);
        MOVED.set(MOVED.get() + into.filled().len() - before);
        polled
    }
}

impl<S: ByteStream + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        count(Pin::new(&mut self.0).poll_write(cx, bytes))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        count(Pin::new(&mut self.0).poll_write_vectored(cx, pieces))
    }
    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The most bytes that a side moves while every other task that can go on has its turn. `gathered`: all of the message lies there
/// before that side takes any of it.
async fn most_in_a_turn(near: impl ByteStream, far: impl ByteStream, gathered: bool) -> usize {
    let server = Server::new().add(EchoServer::new()).start().unwrap();
    server.serve_stream(far, "the test");
    let client: EchoClient = connect_over(near).await.unwrap();
    HELD_BACK.set(gathered);
    let call = tokio::spawn(async move { client.count(&vec![7; MESSAGE]).await.unwrap() });
    for _ in 0..if gathered { TURNS } else { 0 } {
        tokio::task::yield_now().await;
    }
    HELD_BACK.set(false);
    let mut most = 0;
    while !call.is_finished() {
        MOVED.set(0);
        tokio::task::yield_now().await;
        most = most.max(MOVED.get());
    }
    assert_eq!(call.await.unwrap(), MESSAGE as u32);
    most
}

#[tokio::test]
async fn a_channel_gives_way_while_it_sends_a_large_message() {
    let (near, far) = duplex(2 * MESSAGE);
    let most = most_in_a_turn(Counted(near), far, false).await;
    assert!((MOVED_MAX..MOST).contains(&most), "{most} bytes at once");
}

#[tokio::test]
async fn a_server_gives_way_while_it_receives_a_large_message() {
    let (near, far) = duplex(2 * MESSAGE);
    let most = most_in_a_turn(near, Counted(far), true).await;
    assert!((MOVED_MAX..MOST).contains(&most), "{most} bytes at once");
}
