//! What can be seen of a line.

use crate::connection::Connection;
use crate::counts::Counts;
use crate::direction::Direction;
use crate::line::Line;
use std::fmt;
use std::sync::Arc;

impl Line {
    /// Bytes that were taken from senders and not yet delivered, on all connections that are not cut: those that are held, late,
    /// or for which their receiver has no room.
    ///
    /// ```
    /// # use rpc_testing::{Direction, pair};
    /// # use tokio::io::AsyncWriteExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut client, _server, line) = pair();
    /// line.hold(Direction::ToServer);
    /// client.write_all(b"seat 7").await?;
    /// while line.on_the_way(Direction::ToServer) < 6 {
    ///     tokio::task::yield_now().await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_the_way(&self, direction: Direction) -> usize {
        let all = self.shared.connections();
        let of = |connection: &Arc<Connection>| -> usize {
            let state = connection.lock();
            direction.ways().iter().map(|way| state.ways[*way as usize].on_the_way).sum()
        };
        all.iter().filter(|connection| connection.is_open()).map(of).sum()
    }

    /// Connections that are open through the line, those in a black hole included.
    ///
    /// ```
    /// # use rpc_testing::pair;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (_client, _server, line) = pair();
    /// assert_eq!(line.connections(), 1);
    /// line.cut();
    /// assert_eq!(line.connections(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connections(&self) -> usize {
        self.shared.connections().iter().filter(|connection| connection.is_open()).count()
    }

    /// What was done so far, by fault.
    ///
    /// ```
    /// # use rpc_testing::pair;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (_client, _server, line) = pair();
    /// line.cut();
    /// assert_eq!(line.counts().to_string(), "1 connections, 1 cut");
    /// # Ok(())
    /// # }
    /// ```
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// What [`jitter`](Line::jitter) is drawn from. To be printed by a test that fails, and given to the next one.
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("seed", &self.seed())
            .field("connections", &self.connections())
            .field("counts", &self.counts())
            .finish()
    }
}
