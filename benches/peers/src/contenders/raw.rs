//! The floors at one call in flight: 32 bytes there, 32 bytes back, nothing else. In a tokio task, in a thread that blocks, and
//! in one that asks again and again.

use super::{Handle, announce, connection};
use crate::Failure;
use crate::cli::Call;
use crate::measured::{Measured, Seen, Watch};
use crate::payload::{Order, Source};
use bytes::Bytes;
use carnegie_bench::host;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener as BlockingListener, TcpStream as BlockingStream};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve_connection(stream));
    }
}

/// One read and one write a call: the buffer is larger than the data, so tokio learns from the short read that the
/// socket is empty and does not ask again.
async fn serve_connection(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

pub(crate) struct RawClient {
    stream: TcpStream,
    buffer: [u8; 4096],
}

pub(crate) async fn connect(server: SocketAddr) -> Result<RawClient, Failure> {
    Ok(RawClient { stream: connection(server).await?, buffer: [0; 4096] })
}

impl Handle for RawClient {
    async fn echo(&mut self, payload: Bytes) -> Result<Bytes, Failure> {
        self.stream.write_all(&payload).await?;
        let mut length = 0;
        while length < payload.len() {
            let more = self.stream.read(&mut self.buffer[length..]).await?;
            if more == 0 {
                return Err("the server closed the connection".into());
            }
            length += more;
        }
        Ok(Bytes::copy_from_slice(&self.buffer[..length]))
    }
    async fn book(&mut self, _: Order) -> Result<Order, Failure> {
        Err("a raw echo has no methods".into())
    }
    async fn nap(&mut self, _: Bytes) -> Result<Bytes, Failure> {
        Err("a raw echo has no methods".into())
    }
    async fn burn(&mut self, _: Bytes) -> Result<Bytes, Failure> {
        Err("a raw echo has no methods".into())
    }
}

pub(crate) fn serve_blocking() -> Result<(), Failure> {
    serve_one(false)
}

pub(crate) fn serve_spinning() -> Result<(), Failure> {
    serve_one(true)
}

/// Serves one connection to its end.
fn serve_one(spinning: bool) -> Result<(), Failure> {
    host::pin(host::Side::Server)?;
    let listener = BlockingListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?)?;
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(spinning)?;
    let mut buffer = [0; 4096];
    loop {
        let length = read(&mut stream, &mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}

/// What there is to read, asking again and again if the stream does not block.
fn read(stream: &mut BlockingStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            other => return other,
        }
    }
}

pub(crate) fn call_blocking(call: &Call) -> Result<Measured, Failure> {
    call_one(call, false)
}

pub(crate) fn call_spinning(call: &Call) -> Result<Measured, Failure> {
    call_one(call, true)
}

fn call_one(call: &Call, spinning: bool) -> Result<Measured, Failure> {
    host::pin(host::Side::Client)?;
    let mut stream = BlockingStream::connect(call.server)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(spinning)?;
    let watch = Watch::start(call)?;
    let (mut source, mut seen, mut buffer) = (Source::new(call.cell.work, 0), Seen::new(), [0; 4096]);
    loop {
        source.next();
        let begun = Instant::now();
        stream.write_all(source.expected())?;
        let mut length = 0;
        while length < source.expected().len() {
            length += match read(&mut stream, &mut buffer[length..])? {
                0 => return Err("the server closed the connection".into()),
                more => more,
            };
        }
        source.check(&buffer[..length])?;
        if !seen.one(&watch, Some(begun), true) {
            return Ok(seen.measured(&watch.times()?));
        }
    }
}
