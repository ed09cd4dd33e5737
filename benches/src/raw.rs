//! The floor: a TCP stream in a tokio task, 32 bytes there, 32 bytes back, nothing else.

use crate::Failure;
use crate::contender::{Echo, PAYLOAD, announce};
use std::net::SocketAddr;
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
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(RawClient { stream, buffer: [0; 4096] })
}

impl Echo for RawClient {
    async fn echo(&mut self, payload: [u8; PAYLOAD]) -> Result<Vec<u8>, Failure> {
        self.stream.write_all(&payload).await?;
        let mut length = 0;
        while length < PAYLOAD {
            let more = self.stream.read(&mut self.buffer[length..]).await?;
            if more == 0 {
                return Err("the server closed the connection".into());
            }
            length += more;
        }
        Ok(self.buffer[..length].to_vec())
    }
}
