//! Sessions that no connection is attached to. One task lets the time of all of them run: their leases, and the deadlines of
//! handlers that run on.

use crate::clock::Clock;
use crate::server::host::Host;
use crate::server::sessions::{Link, Served, Todo};
use crate::sync::{Mutex, MutexGuard};
use rpc_core::Instant;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The task looks at all of them at least this often, since one may have come that is due sooner than the others.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// And not more often than this.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(crate) struct Detached(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: Vec<Arc<Served>>,
    /// Lives while there are sessions.
    task: Option<JoinHandle<()>>,
}

impl Detached {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn locked(&self) -> impl Sized + '_ {
        self.state()
    }

    /// A session has lost its last connection. It is added once, until it is resumed or over.
    pub(super) fn add(&self, host: &Arc<Host>, session: Arc<Served>) {
        let mut state = self.state();
        state.sessions.push(session);
        // A task that has ended went with its runtime.
        if state.task.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            state.task = Some(runtime.spawn(sweep(Arc::downgrade(host))));
        }
    }

    /// Lets time run. Returns when to look again; none if there is nothing to look at.
    fn look(&self, host: &Arc<Host>) -> Option<Instant> {
        let mut sessions = std::mem::take(&mut self.state().sessions);
        let mut next = Instant::NEVER;
        sessions.retain(|session| match pass(host, session) {
            Some(wait) => {
                next = next.min(wait);
                true
            }
            None => false,
        });
        let mut state = self.state();
        state.sessions.append(&mut sessions);
        if state.sessions.is_empty() {
            *state = State::default();
            return None;
        }
        let now = Clock::now();
        Some(next.clamp(now + LOOK_PAUSE, now + LOOK_EVERY))
    }
}

/// Lets the time of one session run. Returns when it is due next; none if it is over, or a connection takes care of it.
fn pass(host: &Arc<Host>, session: &Arc<Served>) -> Option<Instant> {
    let mut todo = Todo::default();
    let wait = {
        let mut engine = session.lock();
        let now = Clock::now();
        if !engine.has_lanes() && now >= engine.wait {
            engine.session.handle_timeout(now);
            engine.drain(&mut todo);
        }
        engine.swept = !engine.has_lanes() && !engine.session.is_over();
        engine.swept.then_some(engine.wait)
    };
    if !todo.is_empty() {
        Arc::new(Link::of_session(host.clone(), session.clone())).carry_out(&mut todo);
    }
    if wait.is_none() {
        host.release(session);
    }
    host.start_waiting(session);
    wait
}

/// Ends with the last session, or with the server, which it does not keep alive.
async fn sweep(host: Weak<Host>) {
    while let Some(until) = host.upgrade().and_then(|host| host.detached.look(&host)) {
        tokio::time::sleep_until(Clock::to_std(until).into()).await;
    }
}
