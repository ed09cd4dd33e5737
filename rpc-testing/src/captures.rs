//! What clients have sent, kept for its replay.

use std::collections::VecDeque;

/// Of so many connections, the latest, the beginning is kept.
const CONNECTIONS: usize = 16;

/// Which of the captured bytes may be replayed.
pub(crate) type Filter = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

pub(crate) struct Captures {
    /// Bytes of each connection that are kept, from its first one on.
    pub(crate) most: usize,
    pub(crate) filter: Option<Filter>,
    all: VecDeque<(u64, Vec<u8>)>,
}

impl Captures {
    pub(crate) fn new(most: usize, filter: Option<Filter>) -> Captures {
        Captures { most, filter, all: VecDeque::new() }
    }

    pub(crate) fn begin(&mut self, connection: u64) {
        if self.all.len() == CONNECTIONS {
            self.all.pop_front();
        }
        self.all.push_back((connection, Vec::new()));
    }

    /// What this connection's client has sent. A connection that is not kept any more is not begun in its middle.
    pub(crate) fn add(&mut self, connection: u64, bytes: &[u8]) {
        if let Some((_, kept)) = self.all.iter_mut().rev().find(|(number, _)| *number == connection) {
            let room = self.most.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// The connection to be replayed: the latest that has sent something and passes the filter.
    pub(crate) fn latest(&self) -> Option<(u64, Vec<u8>)> {
        let passes = |bytes: &[u8]| self.filter.as_ref().is_none_or(|filter| filter(bytes));
        let sent = |(_, bytes): &&(u64, Vec<u8>)| !bytes.is_empty() && passes(bytes);
        self.all.iter().rev().find(sent).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_the_latest_connections_is_kept() {
        let mut captures = Captures::new(4, None);
        for connection in 0..CONNECTIONS as u64 + 2 {
            captures.begin(connection);
        }
        captures.add(1, b"too old");
        assert_eq!(captures.latest(), None);
        captures.add(2, b"abc");
        captures.add(2, b"def");
        assert_eq!((captures.latest(), captures.all.len()), (Some((2, b"abcd".to_vec())), CONNECTIONS));
        captures.add(3, b"x");
        captures.filter = Some(Box::new(|bytes| bytes.len() > 1));
        assert_eq!(captures.latest(), Some((2, b"abcd".to_vec())));
    }
}
