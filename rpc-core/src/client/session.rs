//! A session as the client holds it: who it is, its slots, and the connection that carries it at present.

use super::BindingId;
use super::link::{Link, Open, Pace};
use super::slots::Slots;
use crate::ids::{Domain, RequestId, SessionId, SlotId, Token};
use crate::schema::Evolution;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// Where the session that new calls go to stands among those of a channel.
pub(super) const CURRENT: usize = 0;

/// Sessions that a channel keeps beside the current one. Each is there for calls that were written and have no answer, so
/// there are more of them only if servers come and go faster than such calls end; then the oldest is given up.
pub(super) const LEFT_MAX: usize = 16;

/// What a `Welcome` has told of a session.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) id: SessionId,
    pub(super) token: Token,
    /// Only this reply cache can say what became of its calls.
    pub(super) domain: Domain,
    pub(super) slots: u32,
    /// How long the server keeps it without a connection.
    pub(super) lease: Duration,
    /// Index of the channel's address that it was opened at, and that address in words.
    pub(super) address: usize,
    pub(super) server: Arc<str>,
    /// Places of its table of methods that are taken.
    pub(super) methods: u16,
}

/// One session of the channel.
pub(super) struct Session {
    /// Tells the sessions of this channel apart. The ids are chosen by servers, which may choose alike.
    pub(super) number: u32,
    /// None before the first agreement.
    pub(super) identity: Option<Identity>,
    pub(super) slots: Slots,
    pub(super) link: Link,
    /// When its last connection was lost, and why.
    pub(super) lost: Instant,
    pub(super) why: String,
    /// The server has ended it, with the present connection.
    pub(super) over: bool,
    /// It has been without a connection for longer than its lease: only the calls whose callers still wait keep it.
    pub(super) lapsed: bool,
    /// The methods whose types are not quite the same on its server, kept before another server is asked for its types.
    pub(super) evolved: Option<Vec<(BindingId, u16, Arc<Evolution>)>>,
}

impl Session {
    pub(super) fn new(number: u32, pace: Pace) -> Self {
        Self {
            number,
            identity: None,
            slots: Slots::default(),
            link: Link::Down(pace),
            lost: Instant::default(),
            why: String::new(),
            over: false,
            lapsed: false,
            evolved: None,
        }
    }

    /// The connection, once the server has answered the handshake in full.
    #[inline]
    pub(super) fn ready(&mut self) -> Option<&mut Open> {
        match &mut self.link {
            Link::Ready(open) => Some(open),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn request_id(&self, at: SlotId) -> Option<RequestId> {
        Some(RequestId { session: self.identity.as_ref()?.id, at })
    }

    /// The server that its calls were sent to.
    pub(super) fn server(&self) -> Arc<str> {
        self.identity.as_ref().map_or_else(|| self.link.address().into(), |identity| identity.server.clone())
    }

    /// When the server has given it up by this client's reckoning: it has had no connection for as long as its lease.
    pub(super) fn lapses(&self) -> Instant {
        match (&self.identity, &self.link) {
            (Some(identity), Link::Down(_) | Link::Dialling(..)) if !self.lapsed => {
                self.lost + identity.lease
            }
            _ => Instant::NEVER,
        }
    }
}
