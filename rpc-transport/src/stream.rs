//! The byte streams that connections run over: TCP, Unix sockets, and whatever else reads and writes.

use socket2::SockRef;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// Anything that carries bytes both ways in order: a TLS stream, a pipe, a tunnel. Implemented for every type that can
/// be one; it need not be `Unpin`.
///
/// Large messages are written from where they lie if the stream [can do that](AsyncWrite::is_write_vectored). A type that wraps
/// another stream had better pass on `poll_write_vectored` and `is_write_vectored`: without them everything is copied into
/// one buffer first.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + 'static> ByteStream for S {}

/// How many bytes wait in each direction of an in-process pair before the writer has to wait for the reader.
const IN_PROCESS_LEN: usize = 256 << 10;

/// Two ends of a stream inside this process: what one writes, the other reads. 256 KiB fit in each direction.
pub fn in_process() -> (impl ByteStream + Unpin, impl ByteStream + Unpin) {
    let (one, other): (DuplexStream, DuplexStream) = tokio::io::duplex(IN_PROCESS_LEN);
    (one, other)
}

/// What may wait in the system's buffer of a TCP stream inside one machine. Linux takes it twice for what it adds to the bytes. With a
/// quarter of it the sender waits for the reader's acknowledgements: 40 ms each. docs/decisions/0026 has the figures.
const LOCAL_SEND_BUFFER: usize = 128 << 10;

/// What may wait there unsent, of a TCP stream to another machine.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_MAX: u32 = 128 << 10;

/// One byte stream. The usual kinds are named, so that reading and writing them needs no virtual call.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Pinned here, so that the whole is `Unpin`.
    Other(Pin<Box<dyn ByteStream>>),
}

impl Stream {
    /// A TCP stream that sends small messages at once.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        // It fails only on a socket that is dead already, which the first read or write reports.
        let _ = stream.set_nodelay(true);
        let _ = bound_send_buffer(&stream);
        Stream::Tcp(stream)
    }

    /// A stream of the user's own.
    pub(crate) fn other(stream: impl ByteStream) -> Self {
        Stream::Other(Box::pin(stream))
    }
}

/// Keeps most of what waits to be sent out of the system's buffers: what lies there goes before everything that is made later,
/// however small, and with large messages it would be megabytes.
///
/// Between two machines the system keeps as much on its way as the line takes, and [`UNSENT_MAX`] behind it. Inside one machine there
/// is no way to fill: all that was written has arrived, and waits there for the reader.
fn bound_send_buffer(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    if stream.peer_addr()?.ip() == stream.local_addr()?.ip() {
        return socket.set_send_buffer_size(LOCAL_SEND_BUFFER);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
    Ok(())
}

macro_rules! delegate {
    ($self:ident.$poll:ident($($argument:ident),*)) => {
        match $self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).$poll($($argument),*),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).$poll($($argument),*),
            Stream::Other(stream) => stream.as_mut().$poll($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self.poll_read(cx, into))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self.poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.is_write_vectored(),
            Stream::Other(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_one_end_of_a_pair_writes_the_other_reads() {
        let (mut one, mut other) = in_process();
        one.write_all(b"seat 7").await.unwrap();
        drop(one);
        let mut read = Vec::new();
        other.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"seat 7");
    }

    #[tokio::test]
    async fn inside_one_machine_the_system_keeps_little_of_what_waits_to_be_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let Stream::Tcp(stream) = Stream::tcp(stream) else { panic!("it is one") };
        let length = SockRef::from(&stream).send_buffer_size().unwrap();
        // Linux says twice what it was told.
        assert!(length == LOCAL_SEND_BUFFER || length == 2 * LOCAL_SEND_BUFFER, "{length} bytes");
    }
}
