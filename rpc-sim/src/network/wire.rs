//! One connection: two pipes, and what is known of it at either end.

use super::pipe::Pipe;
use crate::journal::SessionKey;
use rpc_core::client::ConnectionId;
use rpc_core::frame::Answer;
use rpc_core::server::{Handshake, Lane};
use rpc_core::{Instant, SlotId};
use std::collections::BTreeMap;
use std::fmt;

/// Names a connection in the world. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WireId(pub(crate) u32);

/// What servers know a client by, whatever its connection.
pub(crate) fn peer(client: usize) -> String {
    format!("client {client}")
}

impl fmt::Display for WireId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// From client to server.
    Up,
    /// From server to client.
    Down,
}

/// The server's end.
#[derive(Debug)]
pub(crate) enum ServerEnd {
    Handshake(Handshake),
    Attached { session: u64, lane: Lane },
    Closed,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) client: usize,
    pub(crate) connection: ConnectionId,
    pub(crate) server: usize,
    /// Of the process that accepted it.
    pub(crate) incarnation: u64,
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    pub(crate) client_open: bool,
    pub(crate) server_end: ServerEnd,
    /// What has arrived and was not used.
    pub(crate) client_unread: Vec<u8>,
    pub(crate) server_unread: Vec<u8>,
    /// Since the Welcome was written.
    pub(crate) session: Option<SessionKey>,
    /// When the `Welcome` was written.
    pub(crate) welcomed: Option<Instant>,
    /// The session that its `Hello` has asked for.
    pub(crate) resumes: Option<u64>,
    /// A byte was changed: either end may complain.
    pub(crate) corrupted: bool,
    /// A server does not read while its client does not take replies.
    pub(crate) unwanted: bool,
    /// Frames that are to be delivered once more, when the stream is between two frames.
    pub(crate) again: Vec<Vec<u8>>,
    /// The client had written requests that had not arrived when it gave the connection up.
    pub(crate) late: bool,
    /// Replies that are being written in parts.
    pub(crate) large: BTreeMap<SlotId, Large>,
}

/// What was written of a large reply so far.
#[derive(Debug)]
pub(crate) struct Large {
    pub(super) answer: Answer,
    pub(super) total: usize,
    pub(super) payload: Vec<u8>,
}

impl Wire {
    pub(crate) fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    pub(crate) fn server_open(&self) -> bool {
        !matches!(self.server_end, ServerEnd::Closed)
    }

    /// Nothing can happen on it any more.
    pub(crate) fn is_over(&self) -> bool {
        !self.client_open && !self.server_open() && self.up.is_empty() && self.down.is_empty()
    }
}
