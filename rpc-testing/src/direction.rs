//! Which of the two ways of a connection is meant.

/// Which way of a connection a fault is about.
///
/// ```
/// # use rpc_testing::{Direction, pair};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (_client, _server, line) = pair();
/// line.black_hole(Direction::ToClient); // requests arrive, replies do not
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the client sends: requests.
    ToServer,
    /// What the server sends: replies.
    ToClient,
    /// Each of the two, for itself.
    Both,
}

/// One of the two. An index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer = 0,
    ToClient = 1,
}

impl Direction {
    pub(crate) fn ways(self) -> &'static [Way] {
        match self {
            Direction::ToServer => &[Way::ToServer],
            Direction::ToClient => &[Way::ToClient],
            Direction::Both => &[Way::ToServer, Way::ToClient],
        }
    }
}
