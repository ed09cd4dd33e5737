//! What each peer has of the server: its connections, its sessions, what its calls take.

use super::pool::Pool;
use super::share::{Load, Share, Shared};
use crate::limits::Limits;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Those that have something, and some that had until lately.
#[derive(Debug)]
pub(super) struct Peers {
    all: BTreeMap<Arc<str>, Peer>,
    /// When there are so many, those that have nothing any more are forgotten.
    sweep_at: usize,
    load: Arc<Load>,
    /// For the replies of all sessions.
    replies: Arc<Pool>,
}

/// Fewer are not worth a look.
const SWEEP_MIN: usize = 64;

#[derive(Debug)]
struct Peer {
    connections: usize,
    sessions: usize,
    load: Arc<Load>,
    /// For the replies of its sessions.
    replies: Arc<Pool>,
}

impl Peers {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: BTreeMap::new(),
            sweep_at: SWEEP_MIN,
            load: Arc::new(Load::of_server(limits)),
            replies: Arc::new(Pool::new(limits.replies_all_max)),
        }
    }

    /// What all sessions together have: handlers that run, requests that wait, bytes.
    pub(super) fn taken(&self) -> [usize; 3] {
        let [executing, admitted, bytes] =
            [Shared::Executing, Shared::Admitted, Shared::Bytes].map(|kind| self.load.taken(kind));
        [executing, admitted.saturating_sub(executing), bytes]
    }

    pub(super) fn load(&self) -> Arc<Load> {
        self.load.clone()
    }

    /// For the replies of all sessions together.
    pub(super) fn replies(&self) -> &Pool {
        &self.replies
    }

    /// For the replies of one peer's sessions, if it has any.
    pub(super) fn replies_of(&self, peer: &str) -> Option<&Pool> {
        self.all.get(peer).map(|peer| &*peer.replies)
    }

    pub(super) fn connections(&self, peer: &str) -> usize {
        self.all.get(peer).map_or(0, |peer| peer.connections)
    }

    pub(super) fn sessions(&self, peer: &str) -> usize {
        self.all.get(peer).map_or(0, |peer| peer.sessions)
    }

    pub(super) fn add_connection(&mut self, peer: &str, limits: &Limits) {
        self.entry(peer, limits).connections += 1;
    }

    pub(super) fn remove_connection(&mut self, peer: &str) {
        if let Some(peer) = self.all.get_mut(peer) {
            peer.connections = peer.connections.saturating_sub(1);
        }
    }

    /// One session more, with its part of what there is, and where it takes room for its replies.
    pub(super) fn add_session(&mut self, peer: &str, limits: &Limits) -> (Share, Arc<Pool>) {
        let server = self.load.clone();
        let entry = self.entry(peer, limits);
        entry.sessions += 1;
        (Share::new(server, entry.load.clone()), entry.replies.clone())
    }

    pub(super) fn remove_session(&mut self, peer: &str) {
        if let Some(peer) = self.all.get_mut(peer) {
            peer.sessions = peer.sessions.saturating_sub(1);
        }
    }

    /// The peer's name, of which there is one copy for all of its sessions.
    pub(super) fn name(&self, peer: &str) -> Arc<str> {
        self.all.get_key_value(peer).map_or_else(|| peer.into(), |(name, _)| name.clone())
    }

    fn entry(&mut self, peer: &str, limits: &Limits) -> &mut Peer {
        if self.all.len() >= self.sweep_at && !self.all.contains_key(peer) {
            self.all.retain(|_, peer| peer.has_something());
            self.sweep_at = SWEEP_MIN.max(2 * self.all.len());
        }
        let replies = &self.replies;
        self.all.entry(peer.into()).or_insert_with(|| Peer {
            connections: 0,
            sessions: 0,
            load: Arc::new(Load::of_peer(limits)),
            replies: Arc::new(Pool::part_of(replies.clone(), limits.replies_per_peer)),
        })
    }
}

impl Peer {
    /// Handlers that it has left behind count, and replies: or it would come again, and leave more of them.
    fn has_something(&self) -> bool {
        let left = Arc::strong_count(&self.load) > 1 || Arc::strong_count(&self.replies) > 1;
        self.connections > 0 || self.sessions > 0 || left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_that_have_nothing_any_more_are_forgotten_and_no_others() {
        let (mut peers, limits) = (Peers::new(&Limits::default()), Limits::default());
        peers.add_connection("stays", &limits);
        let (mut left, _) = peers.add_session("leaves a handler", &limits);
        assert_eq!(left.enter(Shared::Executing), Ok(()));
        peers.remove_session("leaves a handler");
        for number in 0..10_000 {
            let peer = number.to_string();
            peers.add_connection(&peer, &limits);
            peers.remove_connection(&peer);
            assert!(peers.all.len() <= SWEEP_MIN, "{}", peers.all.len());
        }
        assert_eq!(peers.connections("stays"), 1);
        let load = peers.all["leaves a handler"].load.clone();
        drop(left);
        assert!(load.has(Shared::Executing));
    }
}
