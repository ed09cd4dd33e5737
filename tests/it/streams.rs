//! What a connection may be made of: TCP of both kinds, names, Unix sockets, pairs in the process, anything that reads and
//! writes.

use crate::box_office::{OfficeClient, hall};
use crate::support::{closed_address, run, run_at, soon};
use carnegie::{Client, Code, Error, Execution, Server, connect, connect_over, connect_with, in_process};
use std::io;
use std::marker::PhantomPinned;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

#[tokio::test]
async fn ipv4_and_a_port_of_the_systems_choice() {
    let server = run_at(Server::new().add(hall().0), "127.0.0.1:0").await;
    assert!(server.address.is_ipv4() && server.address.port() != 0);
    let office: OfficeClient = soon(connect(server.address.to_string())).await.unwrap();
    assert_eq!(soon(office.look()).await.unwrap(), 7);
}

/// Whether this machine has IPv6 at all: some containers do not.
async fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").await.is_ok()
}

#[tokio::test]
async fn ipv6() {
    if !has_ipv6().await {
        return;
    }
    let server = run_at(Server::new().add(hall().0), "[::1]:0").await;
    let text = server.address.to_string();
    assert!(text.starts_with("[::1]:"), "{text}");
    let office: OfficeClient = soon(connect(text.as_str())).await.unwrap();
    assert_eq!(soon(office.look()).await.unwrap(), 7);
    assert_eq!(office.channel().server_address(), Some(text));
}

#[tokio::test]
async fn a_name_leads_to_the_address_that_answers() {
    let server = run(Server::new().add(hall().0)).await;
    let office: OfficeClient = soon(connect(format!("localhost:{}", server.address.port()))).await.unwrap();
    assert_eq!(soon(office.look()).await.unwrap(), 7);
    assert_eq!(office.channel().server_address(), Some(server.address.to_string()));
}

/// An address that takes connections into its queue until that is full, and then answers nothing: as a dead host does.
pub(crate) async fn silent(address: &str) -> (TcpListener, Vec<TcpStream>) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await
    {
        queued.push(stream.unwrap());
    }
    (listener, queued)
}

#[cfg(unix)]
#[tokio::test]
async fn one_server_listens_on_all_kinds_of_addresses() {
    let path = std::env::temp_dir().join(format!("carnegie-streams-{}.sock", std::process::id()));
    let unix = format!("unix:{}", path.display());
    let server = Server::new().add(hall().0);
    let bound = server.bind(format!("127.0.0.1:0, {unix}, 127.0.0.1:0")).await.unwrap();
    let (addresses, handle) = (bound.local_addresses().to_vec(), bound.handle());
    assert_eq!((addresses.len(), addresses[1].as_str()), (3, unix.as_str()));
    assert_eq!(addresses[0], bound.local_addr().to_string());
    tokio::spawn(bound.run());
    for address in &addresses {
        let office: OfficeClient = soon(connect(address)).await.unwrap();
        assert_eq!(soon(office.look()).await.unwrap(), 7);
        assert_eq!(office.channel().server_address().as_ref(), Some(address));
    }
    soon(handle.stop()).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_pair_inside_the_process() {
    let (office, mut events) = hall();
    let server = Server::new().add(office).start().unwrap();
    let (near, far) = in_process();
    server.serve_stream(far, "a pair");
    let office: OfficeClient = soon(connect_over(near).server_name("the pair")).await.unwrap();
    assert_eq!(soon(office.sell(1, "Ada")).await.unwrap().holder, "Ada");
    assert_eq!(soon(office.fetch(1 << 20)).await.unwrap().len(), 1 << 20);
    assert_eq!(office.channel().server_address().as_deref(), Some("the pair"));
    assert_eq!(events.so_far(), [("sell", 1), ("fetch", 1 << 20)]);
}

/// Gives and takes one byte at a time, as the worst of streams may.
struct Dribble(DuplexStream);

impl AsyncRead for Dribble {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut self.0).poll_read(cx, &mut one);
        into.put_slice(one.filled());
        polled
    }
}

impl AsyncWrite for Dribble {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &bytes[..bytes.len().min(1)])
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_stream_that_gives_and_takes_one_byte_at_a_time_through_a_pipe_of_seven() {
    let server = Server::new().add(hall().0).start().unwrap();
    let (near, far) = duplex(7);
    server.serve_stream(Dribble(far), "a dribble");
    let office: OfficeClient = soon(connect_over(Dribble(near))).await.unwrap();
    for order in 0..20 {
        assert_eq!(soon(office.sell(order, "Ada")).await.unwrap().order, order);
    }
    assert_eq!(soon(office.store(vec![7; 70_000])).await.unwrap(), 70_000);
}

/// A stream that must not be moved once it was pinned.
struct Fixed {
    inner: Mutex<DuplexStream>,
    _fixed: PhantomPinned,
}

impl Fixed {
    fn new(inner: DuplexStream) -> Self {
        Self { inner: Mutex::new(inner), _fixed: PhantomPinned }
    }

    fn with<T>(self: Pin<&mut Self>, poll: impl FnOnce(Pin<&mut DuplexStream>) -> T) -> T {
        poll(Pin::new(&mut *self.inner.lock().unwrap()))
    }
}

impl AsyncRead for Fixed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| inner.poll_read(cx, into))
    }
}

impl AsyncWrite for Fixed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|inner| inner.poll_write(cx, bytes))
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| inner.poll_flush(cx))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|inner| inner.poll_shutdown(cx))
    }
}

#[tokio::test]
async fn a_stream_that_is_not_unpin_is_given_served_and_dialled() {
    let server = Server::new().add(hall().0).start().unwrap();
    let (near, far) = duplex(1 << 16);
    server.serve_stream(Fixed::new(far), "a fixed stream");
    let office: OfficeClient = soon(connect_over(Fixed::new(near))).await.unwrap();
    assert_eq!(soon(office.sell(1, "Ada")).await.unwrap().order, 1);

    let dialer = move || {
        let (near, far) = duplex(1 << 16);
        server.serve_stream(Fixed::new(far), "a fixed stream");
        async { Ok(Fixed::new(near)) }
    };
    let office: OfficeClient = soon(connect_with(dialer)).await.unwrap();
    assert_eq!(soon(office.sell(2, "Ada")).await.unwrap().order, 2);
}

#[tokio::test]
async fn a_given_stream_that_ends_makes_later_calls_unavailable_at_once() {
    let server = Server::new().add(hall().0).start().unwrap();
    let (near, far) = in_process();
    server.serve_stream(far, "a pair");
    let office: OfficeClient = soon(connect_over(near)).await.unwrap();
    soon(office.look()).await.unwrap();
    soon(server.stop()).await;
    let calling = async {
        loop {
            // The first one may be written before the end of the stream is seen.
            let error = office.sell(1, "Ada").timeout(Duration::from_secs(600)).await.unwrap_err();
            if error.execution() == Execution::NotExecuted {
                return error;
            }
        }
    };
    let error = soon(calling).await;
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_dialer_dials_again_after_a_loss_until_the_call_on_it_has_its_answer() {
    let (office, mut events) = hall();
    let server = Server::new().add(office).start().unwrap();
    let (dials, ends) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (serving, counted, kept) = (server.clone(), dials.clone(), ends.clone());
    let dialer = move || {
        let dial = counted.fetch_add(1, SeqCst);
        let (near, far) = duplex(1 << 16);
        let (serving, kept) = (serving.clone(), kept.clone());
        async move {
            if dial == 1 {
                return Err(io::Error::other("the tunnel is shut"));
            }
            // The stream runs through a task that a test can end.
            let (mut middle, outer) = duplex(1 << 16);
            let mut far = far;
            let pump =
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut middle, &mut far).await });
            kept.lock().unwrap().push(pump);
            serving.serve_stream(outer, "a tunnel");
            Ok(near)
        }
    };
    let office: OfficeClient = soon(connect_with(dialer).server_name("the tunnel")).await.unwrap();
    soon(office.sell(1, "Ada")).await.unwrap();
    let call = tokio::spawn(office.sell_later(2).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("sell", 1)));
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 2)));
    ends.lock().unwrap()[0].abort();
    assert_eq!(soon(office.sell(3, "Ada")).await.unwrap().order, 3);
    events.doors.send(true).unwrap();
    assert_eq!(soon(call).await.unwrap().unwrap(), 2);
    assert_eq!(office.channel().stats().attached, 1);
    assert_eq!(dials.load(SeqCst), 3);
}

#[tokio::test]
async fn a_dialer_that_fails_is_told_in_its_own_words() {
    let dialer = || async { Err::<TcpStream, _>(io::Error::other("the tunnel is shut")) };
    let error = soon(connect_with::<OfficeClient>(dialer).server_name("hall")).await.unwrap_err();
    assert!(error.to_string().starts_with("no server answers: hall: the tunnel is shut (after "), "{error}");
}

#[tokio::test]
async fn handlers_of_one_connection_run_beside_each_other_and_blocking_ones_hold_nobody_up() {
    let (office, mut events) = hall();
    let server = run(Server::new().add(office)).await;
    let office: OfficeClient = server.client().await;
    let printing = tokio::spawn(office.print(1).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("print", 1)));
    let waiting = tokio::spawn(office.sell_later(2).into_owned());
    assert_eq!(soon(events.did.recv()).await, Some(("sell_later", 2)));
    // Both run now, and one of them blocks its thread: a third is served all the same.
    assert_eq!(soon(office.sell(3, "Ada")).await.unwrap().order, 3);
    assert!(!printing.is_finished() && !waiting.is_finished());
    events.doors.send(true).unwrap();
    assert_eq!(soon(printing).await.unwrap().unwrap(), 1);
    assert_eq!(soon(waiting).await.unwrap().unwrap(), 2);
    assert_eq!(server.server.stats().connections, 1);
}

#[tokio::test]
async fn a_server_of_a_list_that_is_dead_at_first_serves_once_the_other_one_is_gone() {
    let (_held, address) = closed_address();
    let first = run(Server::new().add(hall().0)).await;
    let office: OfficeClient = soon(connect(format!("{address}, {}", first.address))).await.unwrap();
    assert_eq!(office.channel().server_address(), Some(first.address.to_string()));
    let second = run_at(Server::new().add(hall().0), &address.to_string()).await;
    first.stop().await;
    assert_eq!(soon(office.look()).await.unwrap(), 7);
    assert_eq!(office.channel().server_address(), Some(second.address.to_string()));
}

#[tokio::test]
async fn a_small_call_does_not_wait_for_the_end_of_a_large_reply_that_its_server_is_writing() {
    let (near, far) = duplex(64 << 20);
    let server = run(Server::new().add(hall().0)).await;
    server.server.serve_stream(far, "the test");
    let office: OfficeClient = soon(connect_over(near)).await.unwrap();
    let executed = server.server.stats().calls;
    let large = tokio::spawn(office.fetch(15 << 20).into_owned());
    // From here on the reply is being written, and the stream would take all of it at once.
    soon(async {
        while server.server.stats().calls == executed {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(soon(office.look()).await.unwrap(), 7);
    assert!(!large.is_finished(), "the small reply came after 15 MiB");
    assert_eq!(soon(large).await.unwrap().unwrap().len(), 15 << 20);
}
