//! The whole server as its tasks share it: the services, the cold half of the engine, the sessions, and its end.

use crate::clock::Clock;
use crate::incoming::Service;
use crate::server::sessions::{Link, Served, Todo};
use crate::server::strangers::Strangers;
use rpc_core::frame::Hello;
use rpc_core::server::{Admission, Endpoint, Fresh, Handshake, Lane};
use rpc_core::{Incarnation, Instant, SessionId, Stats, Token};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a drained session may be silent before it is closed, although its client has not left by itself.
const SILENT: Duration = Duration::from_millis(500);

/// Looks for sessions that have ended while nobody is connected to them.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// What a server does, in the order in which it goes through this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Connections and calls are taken.
    Running,
    /// No more of either; what runs is finished and answered.
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
    phase: watch::Sender<Phase>,
    /// Each connection's task holds a receiver: the last one to go closes it.
    connections: watch::Sender<()>,
    grace: Duration,
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
    pub(crate) fn new(services: Vec<Arc<dyn Service>>, endpoint: Endpoint, grace: Duration) -> Self {
        Self {
            services,
            incarnation: endpoint.incarnation(),
            cold: Mutex::new(Cold { endpoint, sessions: HashMap::new() }),
            strangers: Strangers::default(),
            phase: watch::Sender::new(Phase::Running),
            connections: watch::Sender::new(()),
            grace,
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

    /// To be held by the task of a connection as long as it lives.
    pub(crate) fn connection(&self) -> watch::Receiver<()> {
        self.connections.subscribe()
    }

    fn cold(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has come.
    pub(crate) fn handshake(&self) -> Handshake {
        self.cold().endpoint.handle_connected(Clock::now())
    }

    /// A connection has gone before its handshake was over.
    pub(crate) fn handshake_failed(&self) {
        self.cold().endpoint.handle_disconnected();
    }

    /// A connection has said who it is. `None`: the server takes no more.
    pub(crate) fn admit(self: &Arc<Self>, hello: &Hello, peer: Arc<str>) -> io::Result<Option<Admitted>> {
        let fresh = fresh()?;
        let now = Clock::now();
        let mut todo = Todo::default();
        // One lock for both: a session cannot end between its admission and the coming of its connection.
        let mut cold = self.cold();
        if *self.phase.borrow() == Phase::Closed {
            return Ok(None);
        }
        let session = match cold.endpoint.handle_hello(now, hello, fresh) {
            Admission::Refuse(bytes) => return Ok(Some(Admitted::Refused(bytes))),
            Admission::Open(session) => {
                let served = Arc::new(Served::new(session));
                cold.sessions.insert(served.id(), served.clone());
                served
            }
            Admission::Resume(id) => match cold.sessions.get(&id) {
                Some(served) => served.clone(),
                None => return Ok(None),
            },
        };
        let link = Arc::new(Link::new(self.clone(), session.clone(), peer));
        let mut engine = session.lock();
        let lane = engine.session.handle_connected(now, hello);
        // Drained before the lane gets its new task: a lane that is closed for it is that of its predecessor.
        engine.drain(&mut todo);
        let number = engine.attach(lane);
        engine.wake_lanes(Some(lane), &mut todo);
        drop(engine);
        drop(cold);
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
        if engine.session.is_over() && engine.running.is_empty() {
            if cold.sessions.remove(&session.id()).is_some() {
                cold.endpoint.handle_session_over(&engine.session);
            }
        } else if !engine.kept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            engine.kept = true;
            runtime.spawn(keep(self.clone(), session.clone()));
        }
    }

    fn is_known(&self, session: SessionId) -> bool {
        self.cold().sessions.contains_key(&session)
    }

    fn sessions(&self) -> Vec<Arc<Served>> {
        self.cold().sessions.values().cloned().collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        // The totals and the sessions are read under one lock, or a session that ends between would count twice.
        let cold = self.cold();
        let mut stats = cold.endpoint.stats();
        for session in cold.sessions.values() {
            stats += session.lock().session.stats();
        }
        stats
    }

    /// Something that all sessions are told.
    fn tell_all(self: &Arc<Self>, tell: impl Fn(&mut rpc_core::server::Session, Instant)) {
        for session in self.sessions() {
            let mut todo = Todo::default();
            let mut engine = session.lock();
            tell(&mut engine.session, Clock::now());
            engine.drain(&mut todo);
            engine.wake_lanes(None, &mut todo);
            drop(engine);
            Arc::new(Link::new(self.clone(), session.clone(), "".into())).carry_out(&mut todo);
            self.release(&session);
        }
    }

    fn enter(&self, phase: Phase) -> bool {
        self.phase.send_if_modified(|now| {
            let later = *now < phase;
            if later {
                *now = phase;
            }
            later
        })
    }

    /// Returns once the server is to stop.
    pub(crate) async fn stopping(&self) {
        let mut phase = self.phase();
        // It fails only if the sender is gone, which `self` holds.
        let _ = phase.wait_for(|now| *now > Phase::Running).await;
    }

    /// Takes nothing new, finishes what runs, and closes everything; at the end of the grace at the latest.
    pub(crate) async fn stop(self: &Arc<Self>) {
        if self.enter(Phase::Draining) {
            self.cold().endpoint.drain();
            self.tell_all(|session, now| session.drain(now, "the server stops"));
        }
        let end = Clock::now() + self.grace;
        let mut silent = Silent::default();
        while !self.is_quiet() && *self.phase.borrow() == Phase::Draining {
            if Clock::now() >= end {
                tracing::warn!(target: "carnegie::server", grace = ?self.grace, "handlers still run at the end of the grace");
                break;
            }
            self.close_silent(&mut silent);
            let _ = tokio::time::timeout(Duration::from_millis(10), self.connections.closed()).await;
        }
        self.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.connections.closed()).await;
    }

    /// Closes everything now. Handlers of at-most-once methods run on; nobody hears of them.
    pub(crate) fn close(self: &Arc<Self>) {
        if self.enter(Phase::Closed) {
            self.tell_all(|session, now| session.close(now, "the server has stopped"));
        }
    }

    /// Whether no connection is left and no handler runs.
    fn is_quiet(&self) -> bool {
        self.connections.receiver_count() == 0
            && self.sessions().iter().all(|session| session.lock().running.is_empty())
    }

    /// A client that was told to go does so once its calls are answered. One that stays silent for a while without a
    /// call is closed, so that it does not hold the server up for the whole grace.
    fn close_silent(self: &Arc<Self>, silent: &mut Silent) {
        let now = Clock::now();
        for session in self.sessions() {
            let mut engine = session.lock();
            let read = engine.session.stats().bytes_in;
            let busy = !engine.running.is_empty() || !engine.session.is_idle();
            if !silent.is_over(session.id(), read, busy, now) {
                continue;
            }
            let mut todo = Todo::default();
            engine.session.close(now, "the server stops");
            engine.drain(&mut todo);
            engine.wake_lanes(None, &mut todo);
            drop(engine);
            todo.signal();
            self.release(&session);
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let session = self.link.session();
        let mut todo = Todo::default();
        {
            let mut engine = session.lock();
            if engine.detach(self.lane, self.number) {
                engine.session.handle_disconnected(Clock::now(), self.lane);
                engine.drain(&mut todo);
                engine.wake_lanes(None, &mut todo);
            }
        }
        // Without a runtime the process is about to end: nothing can be started, nothing need be.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.link.carry_out(&mut todo);
        }
        let host = self.link.server();
        host.cold().endpoint.handle_disconnected();
        host.release(session);
    }
}

/// Since when which session has neither sent anything nor run a handler.
#[derive(Default)]
struct Silent(HashMap<SessionId, (u64, Instant)>);

impl Silent {
    fn is_over(&mut self, session: SessionId, read: u64, runs: bool, now: Instant) -> bool {
        let seen = self.0.entry(session).or_insert((read, now));
        if runs || seen.0 != read {
            *seen = (read, now);
        }
        now.since(seen.1) >= SILENT
    }
}

/// Lets the time of a session without connections run, until it is over or a connection takes care of it.
async fn keep(host: Arc<Host>, session: Arc<Served>) {
    while host.is_known(session.id()) {
        let mut todo = Todo::default();
        let until = {
            let mut engine = session.lock();
            if engine.has_lanes() {
                engine.kept = false;
                return;
            }
            let now = Clock::now();
            if now >= engine.wait {
                engine.session.handle_timeout(now);
                engine.drain(&mut todo);
            }
            engine.wait.min(now + KEEP_EVERY)
        };
        Arc::new(Link::new(host.clone(), session.clone(), "".into())).carry_out(&mut todo);
        host.release(&session);
        tokio::time::sleep_until(Clock::to_std(until).into()).await;
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
