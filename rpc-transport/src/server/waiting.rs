//! Handlers that wait for a place to run, because so many run already. Peers take turns, so that one that asks for much does not
//! keep the others waiting.
//!
//! Nobody polls: whoever gives a place back looks here, and whoever has found no place looks again after it has left its handler
//! here. Both counters, that of the places and that of this queue, are sequentially consistent, so one of the two sees the other.

use crate::clock::Clock;
use crate::server::handler::Handling;
use crate::server::host::{Host, Phase};
use crate::server::sessions::{Link, Served};
use crate::sync::{AtomicUsize, HashMap, Mutex, MutexGuard};
use rpc_core::server::{Begin, Execute};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// A handler that the engine has not let begin.
pub(crate) struct Waiting {
    pub(crate) link: Arc<Link>,
    pub(crate) execute: Execute,
    pub(crate) buffer: Vec<u8>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct WaitingRoom {
    queue: Mutex<Queue>,
    /// How many are in the queue.
    count: AtomicUsize,
    /// How many of their peers have as many handlers running as they may.
    full: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    of_peers: HashMap<Arc<str>, VecDeque<Waiting>>,
    /// The peers of which handlers wait and one may start, each once, the next one first.
    turns: VecDeque<Arc<str>>,
    /// The other peers of which handlers wait: each has its turn again when one of its own has ended.
    full: HashMap<Arc<str>, ()>,
}

impl WaitingRoom {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn locked(&self) -> impl Sized + '_ {
        self.queue()
    }

    /// Behind the others of its peer.
    fn add(&self, waiting: Waiting) {
        let peer = waiting.link.session().peer_host().clone();
        let mut queue = self.queue();
        let of_peer = queue.of_peers.entry(peer.clone()).or_default();
        of_peer.push_back(waiting);
        if of_peer.len() == 1 {
            queue.turns.push_back(peer);
        }
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// One that was taken, and has to wait on. `full`: until another one of its peer has ended.
    fn put_back(&self, waiting: Waiting, full: bool) {
        let peer = waiting.link.session().peer_host().clone();
        let mut queue = self.queue();
        let Queue { of_peers, turns, full: all_full } = &mut *queue;
        let of_peer = of_peers.entry(peer.clone()).or_default();
        of_peer.push_front(waiting);
        if full {
            turns.retain(|other| *other != peer);
            all_full.insert(peer, ());
            self.full.store(all_full.len(), Ordering::SeqCst);
        } else if turns.back() == Some(&peer) || (of_peer.len() == 1 && !all_full.contains_key(&peer)) {
            // It has not had its turn. Another may have come behind it meanwhile: then it waits for the next one.
            if turns.back() == Some(&peer) {
                turns.pop_back();
            }
            turns.push_front(peer);
        }
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// A handler of this peer may have ended: it has its turn again.
    fn give_turn(&self, peer: &Arc<str>) {
        let mut queue = self.queue();
        if queue.full.remove(peer).is_some() {
            queue.turns.push_back(peer.clone());
            self.full.store(queue.full.len(), Ordering::SeqCst);
        }
    }

    /// The next one.
    fn take(&self) -> Option<Waiting> {
        let mut queue = self.queue();
        let peer = queue.turns.pop_front()?;
        let of_peer = queue.of_peers.get_mut(&peer)?;
        let waiting = of_peer.pop_front()?;
        if of_peer.is_empty() {
            queue.of_peers.remove(&peer);
        } else {
            queue.turns.push_back(peer);
        }
        self.count.fetch_sub(1, Ordering::SeqCst);
        Some(waiting)
    }

    /// Nothing starts any more.
    pub(super) fn clear(&self) {
        let mut queue = self.queue();
        let left = std::mem::take(&mut *queue);
        self.count.store(0, Ordering::SeqCst);
        self.full.store(0, Ordering::SeqCst);
        drop(queue);
        drop(left);
    }
}

impl Host {
    /// A handler has to wait for its place.
    pub(crate) fn wait(self: &Arc<Self>, waiting: Waiting) {
        let session = waiting.link.session().clone();
        self.waiting.add(waiting);
        self.start_waiting(&session);
    }

    /// Starts handlers that wait, as long as there are places. To be called whenever one of this session may have become free.
    #[inline]
    pub(crate) fn start_waiting(self: &Arc<Self>, session: &Served) {
        if self.waiting.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if self.waiting.full.load(Ordering::SeqCst) > 0 && session.lock().session.may_begin() {
            self.waiting.give_turn(session.peer_host());
        }
        if self.places.has_one() {
            self.start_some();
        }
    }

    #[cold]
    fn start_some(self: &Arc<Self>) {
        // Without a runtime the process is about to end. A server that is closed starts nothing.
        if tokio::runtime::Handle::try_current().is_err() || *self.phase().borrow() == Phase::Closed {
            return;
        }
        while self.places.has_one()
            && let Some(waiting) = self.waiting.take()
        {
            let link = waiting.link.clone();
            let Some((waiting, everybody)) = start(waiting) else { continue };
            self.waiting.put_back(waiting, !everybody);
            // A place that was given back while nothing waited here was given back for nothing.
            if link.session().lock().session.may_begin() {
                self.waiting.give_turn(link.session().peer_host());
            } else if everybody {
                return;
            }
        }
    }
}

/// Lets a handler begin in a task of its own. Gives it back if it has to wait, with whether all others have to as well.
fn start(waiting: Waiting) -> Option<(Waiting, bool)> {
    let Waiting { link, execute, buffer } = waiting;
    let mut begin = Begin::Never;
    let mut waits = None;
    link.with_engine(|engine, todo| {
        begin = engine.session.begin(Clock::now(), execute.at);
        match begin {
            Begin::Now => {
                let mut begun = vec![Handling::Begun(execute, buffer)];
                engine.settle(Clock::now(), &link, &mut Vec::new(), &mut begun, todo);
            }
            Begin::Later { everybody } => waits = Some((execute, buffer, everybody)),
            Begin::Never => {}
        }
    });
    let (execute, buffer, everybody) = waits?;
    Some((Waiting { link, execute, buffer }, everybody))
}
