//! The line inside a process.

use crate::captures::Captures;
use crate::line::Line;
use tokio::io::{DuplexStream, duplex};

/// Bytes that wait at each end, besides those on the line.
const END_LEN: usize = 64 << 10;

/// Two ends of a stream inside this process, the client's and the server's, and the line between them, which breaks on demand. It
/// ends when the line is dropped.
///
/// It does less than a [`Proxy`](crate::Proxy): it has no address, so there is nothing to be replayed, refused or led elsewhere, nor has
/// it an observer; and a [reset](Line::reset) is an end of the stream.
///
/// ```
/// # use rpc_testing::{Direction, pair};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut server, line) = pair();
/// line.cut_after(Direction::ToServer, 4);
/// client.write_all(b"seat 7").await?;
/// let mut read = Vec::new();
/// server.read_to_end(&mut read).await?;
/// assert_eq!(read, b"seat", "in the middle of it");
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// Outside of a tokio runtime.
pub fn pair() -> (DuplexStream, DuplexStream, Line) {
    let line = Line::new();
    let (client, server) = line.pair();
    (client, server, line)
}

impl Line {
    /// A line inside this process, with no connection yet.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[expect(clippy::new_without_default, reason = "a default does not panic")]
    pub fn new() -> Line {
        Line::with(None, Captures::new(0, None), None)
    }

    /// The same, with a [seed](Line::seed) that is known.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn seeded(seed: u64) -> Line {
        Line::with(Some(seed), Captures::new(0, None), None)
    }

    /// One more pair of ends with this line between them, the client's and the server's: for a client that connects again.
    ///
    /// ```
    /// # use rpc_testing::Line;
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let line = Line::seeded(7);
    /// for _ in 0..3 {
    ///     let (mut client, mut server) = line.pair();
    ///     client.write_all(b"seat 7").await?;
    ///     server.read_exact(&mut [0; 6]).await?;
    ///     line.cut();
    /// }
    /// assert_eq!(line.counts().to_string(), "3 connections, 3 cut");
    /// # Ok(())
    /// # }
    /// ```
    pub fn pair(&self) -> (DuplexStream, DuplexStream) {
        let ((client, near), (far, server)) = (duplex(END_LEN), duplex(END_LEN));
        self.connect(near, far);
        (client, server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn nothing_is_kept_of_a_connection_that_has_ended() {
        let (client, mut server, line) = pair();
        assert_eq!(line.shared.connections().len(), 1);
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        drop(server);
        while !line.shared.connections().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}
