//! Who waits to hear what became of which call.

use rpc_core::RequestId;
use std::collections::BTreeMap;
use std::task::Waker;

/// One future that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) call: RequestId,
    /// Tells apart those that wait for one call.
    number: u64,
}

/// Those that wait, by their calls, each with the task that is to be woken. Who was woken is not here any more, and asks again.
#[derive(Default)]
pub(crate) struct Resolving {
    waiting: BTreeMap<RequestId, Vec<(u64, Waker)>>,
    /// The number of the next one.
    next: u64,
}

impl Resolving {
    pub(crate) fn begin(&mut self, call: RequestId) -> Waiter {
        self.next += 1;
        Waiter { call, number: self.next }
    }

    /// Calls that somebody waits for.
    #[cfg(shuttle)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whom it would have woken before; to be dropped outside of the lock.
    pub(crate) fn wait(&mut self, waiter: Waiter, waker: &Waker) -> Option<Waker> {
        let waiting = self.waiting.entry(waiter.call).or_default();
        match waiting.iter_mut().find(|(number, _)| *number == waiter.number) {
            Some((_, known)) if known.will_wake(waker) => None,
            Some((_, known)) => Some(std::mem::replace(known, waker.clone())),
            None => {
                waiting.push((waiter.number, waker.clone()));
                None
            }
        }
    }

    pub(crate) fn settled(&mut self, call: RequestId, wakers: &mut Vec<Waker>) {
        let waiting = self.waiting.remove(&call).unwrap_or_default();
        wakers.extend(waiting.into_iter().map(|(_, waker)| waker));
    }

    /// Returns whom it would have woken; to be dropped outside of the lock.
    pub(crate) fn end(&mut self, waiter: Waiter) -> Option<Waker> {
        let waiting = self.waiting.get_mut(&waiter.call)?;
        let at = waiting.iter().position(|(number, _)| *number == waiter.number)?;
        let (_, waker) = waiting.swap_remove(at);
        if waiting.is_empty() {
            self.waiting.remove(&waiter.call);
        }
        Some(waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_core::{SessionId, SlotId};

    fn call(sequence: u64) -> RequestId {
        RequestId { session: SessionId(1), at: SlotId { slot: 0, sequence } }
    }

    /// How many are woken when this call is settled.
    fn woken(resolving: &mut Resolving, sequence: u64) -> usize {
        let mut wakers = Vec::new();
        resolving.settled(call(sequence), &mut wakers);
        wakers.len()
    }

    #[test]
    fn all_who_wait_for_a_call_are_woken_once_and_no_others() {
        let mut resolving = Resolving::default();
        for sequence in [1, 2, 2, 3] {
            let waiter = resolving.begin(call(sequence));
            // Some futures are polled again without having been woken.
            (0..2).for_each(|_| drop(resolving.wait(waiter, Waker::noop())));
        }
        assert_eq!((woken(&mut resolving, 2), woken(&mut resolving, 2)), (2, 0));
        assert_eq!((woken(&mut resolving, 1), woken(&mut resolving, 3)), (1, 1));
    }

    #[test]
    fn who_does_not_wait_any_more_leaves_nothing_behind() {
        let mut resolving = Resolving::default();
        let (gone, other) = (resolving.begin(call(1)), resolving.begin(call(1)));
        resolving.wait(gone, Waker::noop());
        resolving.wait(other, Waker::noop());
        assert!(resolving.end(gone).is_some());
        assert_eq!(woken(&mut resolving, 1), 1);
        assert!(resolving.waiting.is_empty() && resolving.end(other).is_none());
    }
}
