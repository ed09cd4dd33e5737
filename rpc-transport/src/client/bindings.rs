//! Who waits for which binding, and what became of those that were asked for.

use rpc_core::BindError;
use rpc_core::client::BindingId;
use rpc_core::service::Descriptor;
use std::task::{Poll, Waker};

enum State {
    Asked(Vec<Waker>),
    Bound,
    Failed(BindError),
}

/// The bindings of one channel. Those that are asked for or agreed are used again: a client that binds for every call
/// would else fill the session's table of methods.
#[derive(Default)]
pub(crate) struct Bindings(Vec<(BindingId, &'static Descriptor, State)>);

impl Bindings {
    /// The binding of this very service, unless it has failed.
    pub(crate) fn find(&self, service: &'static Descriptor) -> Option<BindingId> {
        let same = |(_, other, state): &&(_, &'static Descriptor, State)| {
            std::ptr::eq(*other, service) && !matches!(state, State::Failed(_))
        };
        self.0.iter().find(same).map(|(id, ..)| *id)
    }

    pub(crate) fn insert(&mut self, id: BindingId, service: &'static Descriptor) {
        self.0.push((id, service, State::Asked(Vec::new())));
    }

    pub(crate) fn bound(&mut self, id: BindingId, result: Result<(), BindError>, wakers: &mut Vec<Waker>) {
        let Some((_, _, state)) = self.0.iter_mut().find(|(other, ..)| *other == id) else { return };
        let after = result.map_or_else(State::Failed, |()| State::Bound);
        if let State::Asked(waiting) = std::mem::replace(state, after) {
            wakers.extend(waiting);
        }
    }

    pub(crate) fn poll(&mut self, id: BindingId, waker: Waker) -> Poll<Result<(), BindError>> {
        match self.0.iter_mut().find(|(other, ..)| *other == id) {
            Some((_, _, State::Asked(waiting))) => {
                waiting.push(waker);
                Poll::Pending
            }
            Some((_, _, State::Bound)) => Poll::Ready(Ok(())),
            Some((_, _, State::Failed(error))) => Poll::Ready(Err(error.clone())),
            None => Poll::Ready(Err(BindError::Closed)),
        }
    }
}
