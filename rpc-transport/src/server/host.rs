//! The whole server as its tasks share it: the services, the cold half of the engine, the sessions.

use crate::clock::Clock;
use crate::incoming::Service;
use crate::server::detached::Detached;
use crate::server::peer::host_of;
use crate::server::sessions::{Link, Served, Todo};
use crate::server::strangers::Strangers;
use crate::server::waiting::WaitingRoom;
use crate::sync::{HashMap, Mutex, MutexGuard};
use rpc_core::frame::Hello;
use rpc_core::server::{Admission, Arrival, Endpoint, Fresh, Lane, Places, Refusal};
use rpc_core::{Incarnation, SessionId, Stats, Token};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What a server does, in the order in which it goes through this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Connections and calls are taken.
    Running,
    /// No new session is opened. What runs is finished and answered, and clients come back for that.
    Draining,
    /// Everything is closed.
    Closed,
}

/// The server, shared by all of its tasks.
pub(crate) struct Host {
    services: Vec<Arc<dyn Service>>,
    incarnation: Incarnation,
    cold: Mutex<Cold>,
    pub(crate) strangers: Strangers,
    pub(super) detached: Detached,
    pub(super) waiting: WaitingRoom,
    pub(super) places: Places,
    phase: watch::Sender<Phase>,
    /// The task of each connection and of each listener holds a receiver: the last one to go closes it.
    pub(super) tasks: watch::Sender<()>,
    pub(super) grace: Duration,
    pub(super) busy_poll: Duration,
}

struct Cold {
    endpoint: Endpoint,
    sessions: HashMap<SessionId, Arc<Served>>,
}

/// What comes of a `Hello`.
pub(crate) enum Admitted {
    Attached(Attached),
    /// To be written before the connection is closed.
    Refused(Vec<u8>),
}

/// A connection that belongs to a session. Its drop tells the engine that it is gone.
pub(crate) struct Attached {
    pub(crate) link: Arc<Link>,
    pub(crate) lane: Lane,
    pub(crate) number: u64,
}

impl Host {
    pub(crate) fn new(
        services: Vec<Arc<dyn Service>>,
        endpoint: Endpoint,
        grace: Duration,
        busy_poll: Duration,
    ) -> Self {
        Self {
            services,
            incarnation: endpoint.incarnation(),
            places: endpoint.places(),
            cold: Mutex::new(Cold { endpoint, sessions: HashMap::new() }),
            strangers: Strangers::default(),
            detached: Detached::default(),
            waiting: WaitingRoom::default(),
            phase: watch::Sender::new(Phase::Running),
            tasks: watch::Sender::new(()),
            grace,
            busy_poll,
        }
    }

    pub(crate) fn services(&self) -> &[Arc<dyn Service>] {
        &self.services
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// To be held by the task of a connection or of a listener as long as it lives.
    pub(crate) fn task(&self) -> watch::Receiver<()> {
        self.tasks.subscribe()
    }

    fn cold(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All locks that the server's clients have in common.
    #[cfg(test)]
    pub(super) fn locked(&self) -> impl Sized + '_ {
        (self.cold(), self.detached.locked(), self.waiting.locked(), self.strangers.locked())
    }

    /// A connection has come from this [host](super::peer::host_of).
    pub(crate) fn arrive(&self, peer_host: &str) -> Arrival {
        self.cold().endpoint.handle_connected(Clock::now(), peer_host)
    }

    /// A connection that had arrived has gone, and has never come to a session.
    pub(crate) fn depart(&self, peer_host: &str) {
        self.cold().endpoint.handle_disconnected(peer_host);
    }

    /// A connection has said who it is. `None`: the server takes no more.
    pub(crate) fn admit(
        self: &Arc<Self>,
        hello: &Hello,
        peer: Arc<str>,
        peer_host: &str,
    ) -> io::Result<Option<Admitted>> {
        let fresh = fresh()?;
        let mut todo = Todo::default();
        // One lock for both: a session that the endpoint knows is not forgotten before the connection has come to it.
        let mut cold = self.cold();
        if *self.phase.borrow() == Phase::Closed {
            return Ok(None);
        }
        let (session, (lane, number)) = loop {
            let session = match cold.endpoint.handle_hello(Clock::now(), peer_host, hello, fresh) {
                Admission::Refuse(bytes) => return Ok(Some(Admitted::Refused(bytes))),
                Admission::Open(session) => {
                    let served = Arc::new(Served::new(session, cold.endpoint.peer_name(peer_host)));
                    cold.sessions.insert(served.id(), served.clone());
                    served
                }
                Admission::Resume(id) => match cold.sessions.get(&id) {
                    Some(served) => served.clone(),
                    None => return Ok(None),
                },
            };
            match session.attach(hello, &mut todo) {
                Ok(place) => break (session, place),
                Err(Refusal::Reject(bytes)) => return Ok(Some(Admitted::Refused(bytes))),
                // It has ended since somebody looked, and is asked for as if it had never been.
                Err(Refusal::Over) => cold.endpoint.handle_session_over(&session.lock().session),
            }
        };
        drop(cold);
        let link = Arc::new(Link::new(self.clone(), session, peer));
        link.carry_out(&mut todo);
        Ok(Some(Admitted::Attached(Attached { link, lane, number })))
    }

    /// Forgets a session without connections once it is over and its last handler has ended; until then sees to it that its
    /// time runs on.
    pub(crate) fn release(self: &Arc<Self>, session: &Arc<Served>) {
        let mut cold = self.cold();
        let mut engine = session.lock();
        if engine.has_lanes() {
            return;
        }
        if engine.session.is_over() {
            cold.endpoint.handle_session_over(&engine.session);
            if engine.running.is_empty() {
                cold.sessions.remove(&session.id());
            }
        } else if !std::mem::replace(&mut engine.swept, true) {
            drop((engine, cold));
            self.detached.add(self, session.clone());
        }
    }

    pub(super) fn sessions(&self) -> Vec<Arc<Served>> {
        self.cold().sessions.values().cloned().collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        // The totals and the sessions are read under one lock, or a session that ends between would count twice.
        let cold = self.cold();
        let mut stats = cold.endpoint.stats();
        for session in cold.sessions.values().filter(|session| cold.endpoint.knows(session.id())) {
            stats += session.lock().session.stats();
        }
        stats
    }

    pub(super) fn enter(&self, phase: Phase) -> bool {
        self.phase.send_if_modified(|now| {
            let later = *now < phase;
            if later {
                *now = phase;
            }
            later
        })
    }

    /// From now on no session is opened.
    pub(super) fn drain(&self) {
        self.cold().endpoint.drain();
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let session = self.link.session();
        let mut todo = Todo::default();
        session.lock().detach(self.lane, self.number, &mut todo);
        // Without a runtime the process is about to end: nothing can be started, nothing need be.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.link.carry_out(&mut todo);
        }
        let host = self.link.server();
        host.depart(&host_of(self.link.peer()));
        host.release(session);
        host.start_waiting(session);
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

fn fresh() -> io::Result<Fresh> {
    Ok(Fresh { session: SessionId(u64::from_le_bytes(random()?)), token: Token(random()?) })
}

/// A number for this run of the server.
pub(crate) fn incarnation() -> io::Result<Incarnation> {
    Ok(Incarnation(u64::from_le_bytes(random()?)))
}
