//! Bytes a call and writes a batch, counted where the streams are.

use crate::support::*;
use carnegie::{Server, ServerHandle, connect_over, in_process};
use rpc_core::limits::HEADER_LEN;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Calls that start together.
const BATCH: usize = 64;

/// Their requests: the driver's turn comes when all callers have had theirs.
const WRITES_OF_REQUESTS: u64 = 1;

/// Their replies: the first piece is a sixth of them, but 12 at least, and each further one twice as large (`Piece` in
/// rpc-transport/src/server/connection.rs says why).
const WRITES_OF_REPLIES: u64 = 3;

/// Times can only add to these counts: a batch that a stall tears apart takes further writes. So the least of some is what counts.
const TRIES: usize = 50;

/// What one side has written.
#[derive(Default)]
struct Written {
    bytes: AtomicU64,
    writes: AtomicU64,
}

impl Written {
    fn get(&self) -> [u64; 2] {
        [self.bytes.load(Relaxed), self.writes.load(Relaxed)]
    }
}

/// A stream that counts what is written to it.
struct Counted<S>(S, Arc<Written>);

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.0).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            self.1.bytes.fetch_add(count as u64, Relaxed);
            self.1.writes.fetch_add(1, Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A client and a server on one thread.
struct Line {
    client: EchoClient,
    server: ServerHandle,
    written: [Arc<Written>; 2],
}

impl Line {
    async fn new() -> Self {
        let server = Server::new().add(EchoServer::new(Echoes)).limits(quiet()).start().unwrap();
        let (near, far) = in_process();
        let written: [Arc<Written>; 2] = Default::default();
        server.serve_stream(Counted(far, written[1].clone()), "the test");
        let client = connect_over(Counted(near, written[0].clone())).limits(quiet()).await.unwrap();
        Self { client, server, written }
    }

    /// Bytes and writes of each side, client first, in the best of some tries.
    async fn least(&self, act: impl AsyncFn(&EchoClient)) -> [[u64; 2]; 2] {
        act(&self.client).await;
        let mut least = [[u64::MAX; 2]; 2];
        for _ in 0..TRIES {
            let before = self.written.each_ref().map(|it| it.get());
            act(&self.client).await;
            for (side, written) in self.written.iter().enumerate() {
                for (which, now) in written.get().into_iter().enumerate() {
                    let more = now - before[side][which];
                    least[side][which] = least[side][which].min(more);
                }
            }
        }
        assert_eq!(self.server.stats().connections, 1);
        least
    }
}

/// So many calls, all of which start before anything is written.
async fn batch(client: &EchoClient) {
    let call = |number: usize| Some(Box::pin(client.array([number as u8; 32])));
    let mut calls: Vec<_> = (0..BATCH).map(call).collect();
    poll_fn(|cx| {
        for (number, slot) in calls.iter_mut().enumerate() {
            let Some(call) = slot else { continue };
            if let Poll::Ready(reply) = call.as_mut().poll(cx) {
                assert_eq!(reply.unwrap(), [number as u8; 32]);
                *slot = None;
            }
        }
        if calls.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn a_call_is_a_header_and_its_values_each_way_and_nothing_else() {
    let line = Line::new().await;
    let array = line.least(async |client| assert_eq!(client.array([7; 32]).await.unwrap(), [7; 32])).await;
    let again = line.least(async |client| assert_eq!(client.again([7; 32]).await.unwrap(), [7; 32])).await;
    let bytes =
        line.least(async |client| assert_eq!(client.bytes(vec![7; 32]).await.unwrap(), [7; 32])).await;
    let frame = (HEADER_LEN + 32) as u64;
    assert_eq!(array.map(|[bytes, _]| bytes), [frame, frame]);
    assert_eq!(again.map(|[bytes, _]| bytes), [frame, frame]);
    assert_eq!(bytes.map(|[bytes, _]| bytes), [frame + 1, frame + 1], "a length in front of the bytes");
}

#[tokio::test]
async fn calls_one_after_the_other_are_one_write_each_way() {
    let line = Line::new().await;
    let one = line.least(async |client| assert_eq!(client.array([7; 32]).await.unwrap(), [7; 32])).await;
    assert_eq!(one.map(|[_, writes]| writes), [1, 1]);
}

#[tokio::test]
async fn calls_that_start_together_share_their_writes_and_so_do_their_replies() {
    let line = Line::new().await;
    let [requests, replies] = line.least(batch).await;
    let frames = (BATCH * (HEADER_LEN + 32)) as u64;
    assert_eq!((requests[0], replies[0]), (frames, frames));
    assert!(requests[1] <= WRITES_OF_REQUESTS, "{} writes of {BATCH} requests", requests[1]);
    assert!(replies[1] <= WRITES_OF_REPLIES, "{} writes of {BATCH} replies", replies[1]);
}
