//! Who waits for which call.

use crate::sync::mutant;
use rpc_core::Error;
use rpc_core::client::CallKey;
use rpc_core::service::Reply;
use std::task::{Context, Poll, Waker};

/// A call's place in the table, held by its future alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u32);

/// ```text
///        start               the engine says Ended           the future takes it
///  Free -------> Running --------------------------> Ended ---------------------> Free
///                   |                                  |
///                   +------- the future is dropped ----+------------------------> Free
/// ```
enum Entry {
    Free,
    Running(CallKey, Waker),
    Ended(Result<Reply, Error>),
}

/// What a future that is dropped leaves behind. To be dropped outside of the lock, since a waker may be a task's last
/// reference, and that task may hold another call.
pub(crate) enum Left {
    Running(CallKey, #[expect(dead_code, reason = "kept to be dropped later")] Waker),
    Ended(#[expect(dead_code, reason = "kept to be dropped later")] Option<Result<Reply, Error>>),
}

/// The engine's indices of calls are used again as soon as a call has ended, but its future may take the result later:
/// so futures have places of their own.
#[derive(Default)]
pub(crate) struct Calls {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// From the engine's index of a call to its place here.
    places: Vec<u32>,
}

impl Calls {
    #[inline]
    pub(crate) fn insert(&mut self, key: CallKey, waker: Waker) -> Ticket {
        let running = Entry::Running(key, waker);
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = running;
                place
            }
            None => {
                self.entries.push(running);
                self.entries.len() as u32 - 1
            }
        };
        let index = key.index as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, 0);
        }
        self.places[index] = place;
        Ticket(place)
    }

    /// Keeps the result for the call's future and returns that future's waker.
    #[inline]
    pub(crate) fn ended(&mut self, key: CallKey, result: Result<Reply, Error>) -> Option<Waker> {
        let place = *self.places.get(key.index as usize)?;
        let entry = self.entries.get_mut(place as usize)?;
        match std::mem::replace(entry, Entry::Free) {
            Entry::Running(running, waker) if running == key => {
                *entry = Entry::Ended(result);
                Some(waker)
            }
            // Of a call that was given up; its place is another's now.
            other => {
                *entry = other;
                None
            }
        }
    }

    /// Takes the result if there is one; else remembers whom to wake, and returns who was to be woken before.
    pub(crate) fn poll(
        &mut self,
        ticket: Ticket,
        cx: &Context<'_>,
    ) -> (Poll<Result<Reply, Error>>, Option<Waker>) {
        let entry = &mut self.entries[ticket.0 as usize];
        if let Entry::Running(_, waker) = entry {
            let replaced = (!waker.will_wake(cx.waker())
                && !mutant("a call that has moved wakes its former task"))
            .then(|| std::mem::replace(waker, cx.waker().clone()));
            return (Poll::Pending, replaced);
        }
        match std::mem::replace(entry, Entry::Free) {
            Entry::Ended(result) => {
                self.free.push(ticket.0);
                (Poll::Ready(result), None)
            }
            _ => (Poll::Pending, None),
        }
    }

    /// The call that the engine has not ended yet.
    pub(crate) fn running(&self, ticket: Ticket) -> Option<CallKey> {
        match self.entries.get(ticket.0 as usize) {
            Some(Entry::Running(key, _)) => Some(*key),
            _ => None,
        }
    }

    /// Places that are taken.
    #[cfg(shuttle)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) -> Left {
        let entry = std::mem::replace(&mut self.entries[ticket.0 as usize], Entry::Free);
        self.free.push(ticket.0);
        match entry {
            Entry::Running(key, waker) => Left::Running(key, waker),
            Entry::Ended(result) => Left::Ended(Some(result)),
            Entry::Free => Left::Ended(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_core::Code;

    fn key(index: u32, generation: u32) -> CallKey {
        CallKey { index, generation }
    }

    fn not_sent(why: &str) -> Error {
        Error::NotSent { method: "Hall.sell", why: why.to_owned(), code: Code::Cancelled }
    }

    fn poll(calls: &mut Calls, ticket: Ticket) -> Poll<String> {
        let polled = calls.poll(ticket, &Context::from_waker(Waker::noop())).0;
        polled.map(|result| result.err().unwrap().to_string())
    }

    #[test]
    fn a_result_waits_for_its_future_while_the_engine_uses_the_index_again() {
        let mut calls = Calls::default();
        let first = calls.insert(key(0, 0), Waker::noop().clone());
        assert!(calls.ended(key(0, 0), Err(not_sent("first"))).is_some());
        let second = calls.insert(key(0, 1), Waker::noop().clone());
        assert!(calls.ended(key(0, 1), Err(not_sent("second"))).is_some());
        assert_eq!(
            poll(&mut calls, second),
            Poll::Ready("Hall.sell: not sent: second (not executed)".into())
        );
        assert_eq!(poll(&mut calls, first), Poll::Ready("Hall.sell: not sent: first (not executed)".into()));
    }

    #[test]
    fn the_end_of_a_call_that_was_given_up_reaches_nobody_else() {
        let mut calls = Calls::default();
        let dropped = calls.insert(key(3, 0), Waker::noop().clone());
        assert!(matches!(calls.remove(dropped), Left::Running(given_up, _) if given_up == key(3, 0)));
        let other = calls.insert(key(4, 0), Waker::noop().clone());
        assert!(calls.ended(key(3, 0), Err(not_sent("late"))).is_none());
        assert_eq!(poll(&mut calls, other), Poll::Pending);
    }
}
