//! Who waits for which call.

use rpc_core::client::CallKey;
use std::task::Waker;

/// The tasks of calls that have not ended, by the engine's indices, which are used again only when a call's end was taken or it
/// was given up.
#[derive(Default)]
pub(crate) struct Waiters(Vec<Option<Waker>>);

impl Waiters {
    #[inline]
    pub(crate) fn insert(&mut self, key: CallKey, waker: Waker) {
        let index = key.index as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(waker);
    }

    /// Who is to be woken when this call has ended.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: CallKey) -> Option<&mut Waker> {
        self.0.get_mut(key.index as usize)?.as_mut()
    }

    /// Who waits for the call, and waits no longer. To be woken or dropped outside of the lock, since a waker may be a task's last
    /// reference, and that task may hold another call.
    #[inline]
    pub(crate) fn take(&mut self, key: CallKey) -> Option<Waker> {
        self.0.get_mut(key.index as usize)?.take()
    }
}
