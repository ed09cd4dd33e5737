//! The server's end: it drains, and then closes everything.
//!
//! ```text
//!   Running --stop--> Draining --all have left, or the grace is over--> Closed
//!      '------------------ close, the run is dropped ---------------------^
//! ```

use crate::clock::Clock;
use crate::server::host::{Host, Phase};
use crate::server::sessions::{Link, Served, Todo};
use rpc_core::server::Session;
use rpc_core::{Instant, SessionId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a drained session may be silent before it is closed, although its client has not left by itself.
const SILENT: Duration = Duration::from_millis(500);

/// How often a draining server looks whether it has come to its end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Host {
    /// Returns once the server is to stop.
    pub(crate) async fn stopping(&self) {
        let mut phase = self.phase();
        // It fails only if the sender is gone, which `self` holds.
        let _ = phase.wait_for(|now| *now > Phase::Running).await;
    }

    /// Opens no sessions any more, finishes what runs, lets clients come back for their replies, and closes everything when all
    /// have left; at the end of the grace at the latest.
    pub(crate) async fn stop(self: &Arc<Self>) {
        if self.enter(Phase::Draining) {
            self.drain();
            self.tell_all(|session, now| session.drain(now, "the server stops"));
        }
        let end = Clock::now() + self.grace;
        let mut silent = Silent::default();
        loop {
            let now = Clock::now();
            if !self.waits(&mut silent) || *self.phase().borrow() != Phase::Draining {
                break;
            }
            if now >= end {
                tracing::warn!(target: "carnegie::server", grace = ?self.grace, "calls are left at the end of the grace");
                break;
            }
            // Of a great many sessions a look takes its time, and what runs needs that too.
            tokio::time::sleep(LOOK_EVERY.max(4 * Clock::now().since(now))).await;
        }
        self.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.tasks.closed()).await;
    }

    /// Closes everything now. Handlers of at-most-once methods run on; nobody hears of them.
    pub(crate) fn close(self: &Arc<Self>) {
        if self.enter(Phase::Closed) {
            self.tell_all(|session, now| session.close(now, "the server has stopped"));
            self.waiting.clear();
        }
    }

    /// Something that all sessions are told.
    fn tell_all(self: &Arc<Self>, tell: impl Fn(&mut Session, Instant)) {
        for session in self.sessions() {
            self.tell(&session, &tell);
        }
    }

    fn tell(self: &Arc<Self>, session: &Arc<Served>, tell: impl Fn(&mut Session, Instant)) {
        let mut todo = Todo::default();
        let mut engine = session.lock();
        tell(&mut engine.session, Clock::now());
        engine.drain(&mut todo);
        engine.wake_lanes(None, &mut todo);
        drop(engine);
        Arc::new(Link::of_session(self.clone(), session.clone())).carry_out(&mut todo);
        self.release(session);
        self.start_waiting();
    }

    /// Whether there is a session that a draining server has to wait for. Clients that were told to go do so once their calls
    /// are answered. One that stays silent for a while without a call is closed, so that it does not hold the server up for the
    /// whole grace; so is one whose client does not come back.
    fn waits(self: &Arc<Self>, silent: &mut Silent) -> bool {
        let now = Clock::now();
        let mut waits = false;
        for session in self.sessions() {
            let engine = session.lock();
            let (busy, attached, over) = (engine.is_busy(), engine.has_lanes(), engine.session.is_over());
            let read = engine.session.stats().bytes_in;
            drop(engine);
            if over {
                waits |= busy || attached;
                continue;
            }
            match silent.is_over(session.id(), read, busy, attached, now) {
                None => {}
                Some(false) => waits = true,
                Some(true) => {
                    waits = true;
                    self.tell(&session, |session, now| session.close(now, "the server stops"));
                }
            }
        }
        waits
    }
}

/// Since when which session has neither sent anything nor run a handler.
#[derive(Default)]
struct Silent(HashMap<SessionId, (u64, Instant)>);

impl Silent {
    /// Whether it has been so for long; none of a session whose client was gone already and of which nothing runs.
    fn is_over(
        &mut self,
        session: SessionId,
        read: u64,
        busy: bool,
        attached: bool,
        now: Instant,
    ) -> Option<bool> {
        if !busy && !attached && !self.0.contains_key(&session) {
            return None;
        }
        let seen = self.0.entry(session).or_insert((read, now));
        if busy || seen.0 != read {
            *seen = (read, now);
        }
        Some(now.since(seen.1) >= SILENT)
    }
}
