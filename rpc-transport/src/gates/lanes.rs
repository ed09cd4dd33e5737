//! Two connections of one session whose client reads from neither: the task of one does not keep that of the other awake.

use super::{ECHO, EchoServer, SERVICE};
use crate::Server;
use rpc_core::SlotId;
use rpc_core::frame::{self, Bind, BindMethod, Checksum, Hello, Kind, Request, SessionWish, Welcome};
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

/// How often every task of the thread that can go on has its turn.
const TURNS: u64 = 1000;

/// Calls on each connection. Their replies are several times as long as what a stream holds.
const CALLS: u32 = 10;

/// Bytes that a stream holds.
const HELD: usize = 64;

thread_local! { static WRITES: Cell<u64> = const { Cell::new(0) } }

/// Counts how often the server tries to write.
struct Counted(DuplexStream);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        WRITES.set(WRITES.get() + 1);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A client's end of a connection.
struct Line {
    stream: DuplexStream,
    read: Vec<u8>,
}

impl Line {
    async fn connect(server: &crate::ServerHandle, hello: Hello) -> (Self, Welcome) {
        let (near, far) = duplex(HELD);
        server.serve_stream(Counted(far), "the test");
        let mut line = Self { stream: near, read: Vec::new() };
        line.send(|out| hello.write(out)).await;
        let welcome = line.next(|header, body| Welcome::read(header, body).unwrap()).await;
        (line, welcome)
    }

    async fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        write(&mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn next<T>(&mut self, read: impl FnOnce(&frame::Header, &[u8]) -> T) -> T {
        loop {
            if let Some((header, body)) = frame::split(&self.read, Checksum::Whole).unwrap() {
                let value = read(&header, body);
                self.read.drain(..header.length as usize);
                return value;
            }
            assert_ne!(self.stream.read_buf(&mut self.read).await.unwrap(), 0, "the server has left");
        }
    }

    /// Calls, and reads nothing. Each has a slot of its own from `first` on.
    async fn ask(&mut self, first: u32) {
        for slot in first..first + CALLS {
            let id = SlotId { slot, sequence: 1 };
            let request =
                Request { id, method: ECHO, deadline: 600_000, payload: &[7], ..Request::default() };
            self.send(|out| request.write(out, Checksum::Whole)).await;
        }
    }
}

fn bind() -> Bind {
    let methods = SERVICE.methods.iter().map(|method| BindMethod {
        name: method.name.to_owned(),
        fingerprint: method.fingerprint(),
        idempotent: method.idempotent,
        since: method.since,
    });
    let (service, version) = (SERVICE.name.to_owned(), SERVICE.version);
    Bind { number: 1, base: 0, service, version, methods: methods.collect() }
}

async fn writes() -> u64 {
    let before = WRITES.get();
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    WRITES.get() - before
}

#[tokio::test]
async fn connections_of_a_session_that_are_both_full_sleep_until_their_client_reads() {
    let server = Server::new().add(EchoServer::new()).start().unwrap();
    let hello = Hello { connection: 1, slots: 64, ..Hello::default() };
    let (mut one, welcome) = Line::connect(&server, hello.clone()).await;
    one.send(|out| bind().write(out)).await;
    one.next(|header, _| assert_eq!(header.kind, Kind::Bound)).await;
    let session = SessionWish::Resume { id: welcome.session, token: welcome.token };
    let (mut two, _) = Line::connect(&server, Hello { connection: 2, session, ..hello }).await;
    for part in [0, CALLS] {
        // The first call fills the stream, those behind it are what waits in the session.
        one.ask(part).await;
        two.ask(2 * CALLS + part).await;
        writes().await;
    }
    let tried = writes().await;
    assert!(tried < TURNS / 10, "{tried} times in {TURNS} turns, and nobody has read");
    for line in [&mut one, &mut two] {
        for _ in 0..2 * CALLS {
            let whole = line.next(|header, _| header.kind == Kind::Reply);
            let whole = tokio::time::timeout(std::time::Duration::from_secs(30), whole);
            assert!(whole.await.expect("what waited is written once the client reads"));
        }
    }
}
