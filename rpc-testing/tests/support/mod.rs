//! What these tests need: a bound on waiting, and a plain client and a plain server with a proxy between them.

// Each binary uses a part of it.
#![allow(dead_code, unreachable_pub)]

use rpc_testing::Proxy;
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const HOUR: Duration = Duration::from_secs(3600);

/// Fails a test that would else hang. Long, for a busy machine may let a test wait for its turn.
pub async fn soon<T>(what: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what.into_future()).await.expect("it ends within a minute")
}

/// Returns once `holds` does; the events that lead there wake other tasks, not this one.
pub async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A server's socket with a proxy before it.
pub struct World {
    pub server: TcpListener,
    pub proxy: Proxy,
}

impl World {
    pub async fn new() -> World {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().to_string()).await.unwrap();
        World { server, proxy }
    }

    /// Both ends of a connection over which a byte has passed each way.
    pub async fn connect(&self) -> (TcpStream, TcpStream) {
        let mut client = soon(TcpStream::connect(self.proxy.address())).await.unwrap();
        let (mut served, _) = soon(self.server.accept()).await.unwrap();
        pass(&mut client, &mut served, b"<").await;
        pass(&mut served, &mut client, b">").await;
        (client, served)
    }
}

pub async fn read(from: &mut (impl AsyncRead + Unpin), len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    soon(from.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// All that comes until the end of the stream.
pub async fn rest(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    soon(from.read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

pub async fn pass(from: &mut (impl AsyncWrite + Unpin), to: &mut (impl AsyncRead + Unpin), bytes: &[u8]) {
    soon(from.write_all(bytes)).await.unwrap();
    assert_eq!(read(to, bytes.len()).await, bytes);
}

/// Nothing has come, though there was time for it.
pub async fn is_silent(from: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut byte = [0];
    tokio::time::timeout(Duration::from_millis(50), from.read(&mut byte)).await.is_err()
}

/// A server that says what it hears.
pub async fn echo() -> String {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = server.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

/// Talks to an echo over one connection until that ends or `enough`.
pub async fn talk(address: SocketAddr, enough: impl Fn() -> bool) -> io::Result<()> {
    let mut client = TcpStream::connect(address).await?;
    let mut read = [0; 1000];
    while !enough() {
        client.write_all(&read).await?;
        client.read_exact(&mut read).await?;
    }
    Ok(())
}
