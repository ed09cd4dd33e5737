//! Handlers that wait for a place to run, because so many run already. Peers take turns, so that one that asks for much does not
//! keep the others waiting.
//!
//! Nobody polls: whoever gives a place back looks here, and whoever has found no place looks again after it has left its handler
//! here. Both counters, that of the places and that of this queue, are sequentially consistent, so one of the two sees the other.

use crate::clock::Clock;
use crate::server::handler::Handling;
use crate::server::host::Host;
use crate::server::sessions::Link;
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
}

#[derive(Default)]
struct Queue {
    of_peers: HashMap<Arc<str>, VecDeque<Waiting>>,
    /// The peers of which handlers wait, each once, the next one first.
    turns: VecDeque<Arc<str>>,
}

/// Where a handler takes its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind those of its peer.
    Last,
    /// Before those of its peer, which is next.
    Next,
    /// Before those of its peer, after all other peers.
    AfterOthers,
}

impl WaitingRoom {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, waiting: Waiting, place: Place) {
        let peer = waiting.link.peer_host().clone();
        let mut queue = self.queue();
        let Queue { of_peers, turns } = &mut *queue;
        let of_peer = of_peers.entry(peer.clone()).or_default();
        let has_turn = !of_peer.is_empty();
        match place {
            Place::Last => of_peer.push_back(waiting),
            Place::Next | Place::AfterOthers => of_peer.push_front(waiting),
        }
        match place {
            Place::Next => {
                turns.retain(|other| *other != peer);
                turns.push_front(peer);
            }
            Place::Last | Place::AfterOthers if has_turn => {}
            Place::Last | Place::AfterOthers => turns.push_back(peer),
        }
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// The next one, and how many peers have some waiting.
    fn take(&self) -> Option<(Waiting, usize)> {
        let mut queue = self.queue();
        let peers = queue.turns.len();
        let peer = queue.turns.pop_front()?;
        let of_peer = queue.of_peers.get_mut(&peer)?;
        let waiting = of_peer.pop_front()?;
        if of_peer.is_empty() {
            queue.of_peers.remove(&peer);
        } else {
            queue.turns.push_back(peer);
        }
        self.count.fetch_sub(1, Ordering::SeqCst);
        Some((waiting, peers))
    }

    /// Nothing starts any more.
    pub(super) fn clear(&self) {
        let mut queue = self.queue();
        let left = std::mem::take(&mut *queue);
        self.count.store(0, Ordering::SeqCst);
        drop(queue);
        drop(left);
    }
}

impl Host {
    /// A handler has to wait for its place.
    pub(crate) fn wait(self: &Arc<Self>, waiting: Waiting) {
        self.waiting.add(waiting, Place::Last);
        self.start_waiting();
    }

    /// Starts handlers that wait, as long as there are places. To be called whenever one may have become free.
    #[inline]
    pub(crate) fn start_waiting(self: &Arc<Self>) {
        if self.waiting.count.load(Ordering::SeqCst) > 0 {
            self.start_some();
        }
    }

    #[cold]
    fn start_some(self: &Arc<Self>) {
        // Peers in a row that have as many as they may.
        let mut full = 0;
        while let Some((waiting, peers)) = self.waiting.take() {
            let link = waiting.link.clone();
            let Some((waiting, everybody)) = start(waiting) else {
                full = 0;
                continue;
            };
            self.waiting.add(waiting, if everybody { Place::Next } else { Place::AfterOthers });
            // A place that was given back while nothing waited here was given back for nothing.
            if link.session().lock().session.may_begin() {
                continue;
            }
            full += 1;
            if everybody || full >= peers {
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
                engine.settle(&link, &mut Vec::new(), &mut begun, todo);
            }
            Begin::Later { everybody } => waits = Some((execute, buffer, everybody)),
            Begin::Never => {}
        }
    });
    let (execute, buffer, everybody) = waits?;
    Some((Waiting { link, execute, buffer }, everybody))
}
