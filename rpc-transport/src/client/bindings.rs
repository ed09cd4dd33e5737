//! Who uses which binding, who waits for it, and what became of those that were asked for.

use rpc_core::BindError;
use rpc_core::client::BindingId;
use rpc_core::service::Descriptor;
use std::task::{Context, Poll, Waker};

/// ```text
///  Asked --(the engine says Bound)--> Bound or Failed --(asked again)--> Asked
/// ```
enum State {
    Asked(Vec<Waker>),
    Bound,
    Failed(BindError),
}

struct Entry {
    service: &'static Descriptor,
    state: State,
    /// Stubs, and futures that wait to become one.
    users: usize,
}

/// The bindings of one channel, by the engine's ids, which it gives out one after the other. One for each service: a client
/// that binds for every call would else fill the session's table of methods.
#[derive(Default)]
pub(crate) struct Bindings(Vec<Entry>);

impl Bindings {
    /// The binding of this very service, if the engine's last word on it was that it is agreed.
    pub(crate) fn find(&self, service: &'static Descriptor) -> Option<BindingId> {
        let bound =
            |entry: &Entry| std::ptr::eq(entry.service, service) && matches!(entry.state, State::Bound);
        self.0.iter().position(bound).map(|at| BindingId(at as u16))
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &'static Descriptor> {
        self.0.iter().map(|entry| entry.service)
    }

    /// One more user of a binding that is agreed.
    pub(crate) fn hold(&mut self, id: BindingId) {
        if let Some(entry) = self.0.get_mut(usize::from(id.0)) {
            entry.users += 1;
        }
    }

    /// One more user, who waits for what the engine will say.
    pub(crate) fn ask(&mut self, id: BindingId, service: &'static Descriptor) {
        if usize::from(id.0) == self.0.len() {
            self.0.push(Entry { service, state: State::Asked(Vec::new()), users: 0 });
        }
        self.hold(id);
        if let Some(entry) = self.0.get_mut(usize::from(id.0))
            && !matches!(entry.state, State::Asked(_))
        {
            entry.state = State::Asked(Vec::new());
        }
    }

    /// One user less. Of the last one: who was to be woken, by futures that are gone.
    pub(crate) fn let_go(&mut self, id: BindingId) -> Option<Vec<Waker>> {
        let entry = self.0.get_mut(usize::from(id.0))?;
        entry.users = entry.users.saturating_sub(1);
        match &mut entry.state {
            _ if entry.users > 0 => None,
            State::Asked(waiting) => Some(std::mem::take(waiting)),
            State::Bound | State::Failed(_) => Some(Vec::new()),
        }
    }

    /// Users of all services, and those who wait to become one.
    #[cfg(shuttle)]
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|entry| entry.users).sum()
    }

    pub(crate) fn bound(&mut self, id: BindingId, result: Result<(), BindError>, wakers: &mut Vec<Waker>) {
        let Some(entry) = self.0.get_mut(usize::from(id.0)) else { return };
        let after = result.map_or_else(State::Failed, |()| State::Bound);
        if let State::Asked(waiting) = std::mem::replace(&mut entry.state, after) {
            wakers.extend(waiting);
        }
    }

    pub(crate) fn poll(&mut self, id: BindingId, cx: &Context<'_>) -> Poll<Result<(), BindError>> {
        match self.0.get_mut(usize::from(id.0)).map(|entry| &mut entry.state) {
            Some(State::Asked(waiting)) => {
                if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
            Some(State::Bound) => Poll::Ready(Ok(())),
            Some(State::Failed(error)) => Poll::Ready(Err(error.clone())),
            None => Poll::Ready(Err(BindError::Closed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static HALL: Descriptor = Descriptor { name: "Hall", version: (1, 0), methods: &[] };
    const ID: BindingId = BindingId(0);

    #[tokio::test]
    async fn a_future_that_is_polled_often_is_woken_once() {
        let mut bindings = Bindings::default();
        bindings.ask(ID, &HALL);
        std::future::poll_fn(|cx| {
            assert!((0..3).all(|_| bindings.poll(ID, cx).is_pending()));
            Poll::Ready(())
        })
        .await;
        let mut wakers = Vec::new();
        bindings.bound(ID, Ok(()), &mut wakers);
        assert_eq!(wakers.len(), 1);
    }

    #[test]
    fn who_waited_is_forgotten_with_the_last_user() {
        let mut bindings = Bindings::default();
        bindings.ask(ID, &HALL);
        bindings.ask(ID, &HALL);
        assert!(bindings.poll(ID, &Context::from_waker(Waker::noop())).is_pending());
        assert!(bindings.let_go(ID).is_none(), "the other one may be woken by it");
        assert_eq!(bindings.let_go(ID).map(|wakers| wakers.len()), Some(1));
        let mut wakers = Vec::new();
        bindings.bound(ID, Ok(()), &mut wakers);
        assert_eq!(wakers.len(), 0);
    }
}
