//! The server's end: it drains, and then closes everything.
//!
//! ```text
//!   Running --stop--> Draining --all have left, or the grace is over--> Closed
//!      |                 '------ close, a second signal ------------------^
//!      '------------------------ close, the run is dropped ---------------'
//! ```

use crate::clock::Clock;
use crate::server::host::{Host, Phase};
use crate::server::sessions::{Link, Served, Todo};
use rpc_core::Instant;
use rpc_core::server::Session;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often a draining server looks whether it has come to its end, and how often it tells what it waits for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How long the last words to clients may take: after a drain, and if there was no time for one.
const FAREWELL: Duration = Duration::from_secs(2);
const FAREWELL_AT_ONCE: Duration = Duration::from_millis(200);

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
        let begun = Clock::now();
        // Of several that stop it, one tells the log.
        let first = self.enter(Phase::Draining);
        if first {
            self.drain();
            self.tell_all(|session, now| session.drain(now, "the server stops"));
            let (left, grace) = (self.left(), self.grace);
            tracing::info!(target: "carnegie::server", ?grace, "draining: {left}");
        }
        let farewell = match self.drained(begun, first).await {
            true => FAREWELL,
            false => FAREWELL_AT_ONCE,
        };
        self.close();
        let _ = tokio::time::timeout(farewell, self.tasks.closed()).await;
    }

    /// Waits until there is nobody to wait for any more, or the grace is over. `false`: somebody has closed the server meanwhile.
    async fn drained(self: &Arc<Self>, begun: Instant, tells: bool) -> bool {
        let end = begun + self.grace;
        let mut tell = begun + TELL_EVERY;
        loop {
            let now = Clock::now();
            if *self.phase().borrow() != Phase::Draining {
                return false;
            }
            let (left, after) = (self.left(), now - begun);
            if left.is_none() {
                if tells {
                    tracing::info!(target: "carnegie::server", ?after, "drained: all clients have left");
                }
                return true;
            }
            if now >= end {
                if tells {
                    tracing::warn!(target: "carnegie::server", grace = ?self.grace, "the grace is over: {left}");
                }
                return true;
            }
            if tells && now >= tell {
                tell = now + TELL_EVERY;
                tracing::info!(target: "carnegie::server", ?after, "still draining: {left}");
            }
            // Of a great many sessions a look takes its time, and what runs needs that too.
            tokio::time::sleep(LOOK_EVERY.max(4 * Clock::now().since(now)).min(end - now)).await;
        }
    }

    /// Closes everything now, and tells the log what is lost by that. `why`: who wants it.
    pub(crate) fn close_at_once(self: &Arc<Self>, why: &str) {
        if *self.phase().borrow() != Phase::Closed {
            let left = self.left();
            if !left.is_none() {
                tracing::warn!(target: "carnegie::server", why, "stopping at once: {left}");
            }
        }
        self.close();
    }

    /// Closes everything now. Handlers of at-most-once methods run on; nobody hears of them.
    pub(crate) fn close(self: &Arc<Self>) {
        if self.enter(Phase::Closed) {
            self.waiting.clear();
            self.tell_all(|session, now| session.close(now, "the server has stopped"));
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
        self.start_waiting(session);
    }

    /// What a draining server has to wait for.
    fn left(&self) -> Left {
        let now = Clock::now();
        let mut left = Left::default();
        for session in self.sessions() {
            let engine = session.lock();
            let outstanding = engine.session.outstanding(now);
            left.clients += usize::from(outstanding.attached || engine.has_lanes());
            left.calls += outstanding.calls;
            left.replies += outstanding.replies;
            left.returning += usize::from(outstanding.returning);
            // Its client has left it, and nobody will hear of them, but what they do is not cut off.
            left.unheard += if engine.session.is_over() { engine.running.begun() } else { 0 };
        }
        left
    }
}

/// Of all sessions, those that have ended included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    clients: usize,
    calls: usize,
    replies: usize,
    returning: usize,
    unheard: usize,
}

impl Left {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Left { clients, calls, replies, returning, unheard } = self;
        write!(f, "{clients} clients are connected, {calls} calls run or wait")?;
        if *replies > 0 {
            write!(f, ", {replies} replies wait for clients that are away")?;
        }
        if *returning > 0 {
            write!(f, ", {returning} clients were lost just now")?;
        }
        if *unheard > 0 {
            write!(f, ", {unheard} handlers run whose clients have left")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_what_is_waited_for_and_nothing_of_what_is_not() {
        let left = Left { clients: 2, calls: 1, ..Left::default() };
        assert_eq!(left.to_string(), "2 clients are connected, 1 calls run or wait");
        let left = Left { replies: 3, returning: 1, unheard: 4, ..left };
        assert_eq!(
            left.to_string(),
            "2 clients are connected, 1 calls run or wait, 3 replies wait for clients that are away, 1 clients were \
             lost just now, 4 handlers run whose clients have left"
        );
    }
}
