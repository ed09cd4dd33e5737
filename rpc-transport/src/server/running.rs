//! The handlers of one session that run in tasks of their own: those that were not ready at once, and those that block,
//! from when they wait for a thread.
//!
//! ```text
//!   polled inline --ready--> completed                  (never in this table)
//!        |
//!     pending --spawn, insert--> in the table --finish--> completed
//!        ^                            ^
//!        '---- stop, early waker -----'   kept aside until the insertion
//! ```

use crate::sync::mutant;
use rpc_core::SlotId;
use std::task::Waker;
use tokio::task::AbortHandle;

/// Indexed by slot, as the engine's own table is: a slot runs one handler at a time.
#[derive(Default)]
pub(crate) struct Running {
    entries: Vec<Option<Entry>>,
    /// Those of them that have begun.
    begun: usize,
    /// Batches whose handlers are being polled inline on some connection, and are not in the table yet.
    batches: u32,
    /// What reached handlers of those batches meanwhile. Empty whenever there is no such batch.
    early: Vec<Early>,
}

struct Entry {
    at: SlotId,
    task: AbortHandle,
    /// It has a thread, from which nothing can take it: it is counted until its end.
    blocking: bool,
    /// The engine has agreed that it starts. Without that it may have been taken back, and nobody waits for it.
    begun: bool,
    cancelled: bool,
    wakers: Vec<Waker>,
}

struct Early {
    at: SlotId,
    event: Event,
}

enum Event {
    Drop,
    Cancel,
    /// The handler asked to be told of its cancellation.
    Asked(Waker),
}

impl Running {
    /// From now on handlers are polled that the table does not know.
    pub(crate) fn begin_batch(&mut self) {
        self.batches += 1;
    }

    /// The handlers of a batch have ended or are in the table.
    pub(crate) fn end_batch(&mut self) {
        self.batches = self.batches.saturating_sub(1);
        if self.batches == 0 {
            self.early.clear();
        }
    }

    /// Adds a handler that now runs in `task`, or, if it has not `begun`, waits there for its turn. Returns the task if it is
    /// to be dropped at once.
    #[must_use]
    pub(crate) fn insert(
        &mut self,
        at: SlotId,
        task: AbortHandle,
        begun: bool,
        blocking: bool,
    ) -> Option<AbortHandle> {
        let mut entry = Entry { at, task, blocking, begun, cancelled: false, wakers: Vec::new() };
        let mut dropped = false;
        // A stop that overtook the insertion would be lost otherwise.
        self.early.retain_mut(|early| {
            if early.at == at {
                match &early.event {
                    Event::Drop => dropped = true,
                    Event::Cancel => entry.cancelled = true,
                    Event::Asked(waker) => entry.wakers.push(waker.clone()),
                }
            }
            early.at != at
        });
        if dropped && !blocking {
            return Some(entry.task);
        }
        if entry.cancelled {
            entry.wakers.drain(..).for_each(Waker::wake);
        }
        let index = at.slot as usize;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        self.begun += usize::from(begun);
        // A handler that outlives its slot is idempotent: its end is not waited for.
        let left = self.entries[index].replace(entry);
        self.begun -= usize::from(left.is_some_and(|left| left.begun));
        None
    }

    /// The turn of a handler has come, and it starts.
    pub(crate) fn begin(&mut self, at: SlotId) {
        if let Some(entry) = self.entry(at)
            && !std::mem::replace(&mut entry.begun, true)
        {
            self.begun += 1;
        }
    }

    /// Removes a handler that has ended, or that does not start.
    pub(crate) fn finish(&mut self, at: SlotId) {
        drop(self.remove(at));
    }

    fn remove(&mut self, at: SlotId) -> Option<Entry> {
        let entry = self.entries.get_mut(at.slot as usize)?.take_if(|entry| entry.at == at)?;
        self.begun -= usize::from(entry.begun);
        Some(entry)
    }

    /// How many handlers of the table have begun. Those that still may are the engine's to know.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// Whether no handler of the table has begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.begun == 0
    }

    /// The table takes no memory while no handler is in it.
    pub(crate) fn shrink(&mut self) {
        if self.entries.iter().all(Option::is_none) {
            self.entries = Vec::new();
        }
    }

    /// Nobody waits for the handler any more, and what it did so far does not count: its future is dropped by aborting
    /// the task that is returned.
    #[must_use]
    pub(crate) fn stop(&mut self, at: SlotId) -> Option<AbortHandle> {
        if self.entry(at).is_some_and(|entry| entry.blocking) {
            return None;
        }
        match self.remove(at) {
            Some(entry) => Some(entry.task),
            None => {
                self.keep(at, Event::Drop);
                None
            }
        }
    }

    /// Nobody waits for the handler any more: it is told, and runs to its end. Appends whom to wake.
    pub(crate) fn cancel(&mut self, at: SlotId, wakers: &mut Vec<Waker>) {
        if let Some(entry) = self.entry(at) {
            entry.cancelled = true;
            wakers.append(&mut entry.wakers);
            return;
        }
        for early in &self.early {
            if let Event::Asked(waker) = &early.event
                && early.at == at
            {
                wakers.push(waker.clone());
            }
        }
        self.keep(at, Event::Cancel);
    }

    /// Whether the handler has been told that nobody waits for it.
    pub(crate) fn is_cancelled(&mut self, at: SlotId) -> bool {
        if let Some(entry) = self.entry(at) {
            return entry.cancelled;
        }
        self.early.iter().any(|e| e.at == at && matches!(e.event, Event::Cancel | Event::Drop))
    }

    /// The same; if it has not, `waker` is woken once it is.
    pub(crate) fn poll_cancelled(&mut self, at: SlotId, waker: &Waker) -> bool {
        if self.is_cancelled(at) {
            return true;
        }
        match self.entry(at) {
            Some(entry) if entry.wakers.iter().any(|w| w.will_wake(waker)) => {}
            Some(entry) => entry.wakers.push(waker.clone()),
            None => self.keep(at, Event::Asked(waker.clone())),
        }
        false
    }

    fn entry(&mut self, at: SlotId) -> Option<&mut Entry> {
        self.entries.get_mut(at.slot as usize)?.as_mut().filter(|entry| entry.at == at)
    }

    fn keep(&mut self, at: SlotId, event: Event) {
        // Outside of a batch a handler that is not in the table has ended.
        if self.batches > 0 && !mutant("what overtakes the insertion of a handler is forgotten") {
            self.early.push(Early { at, event });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn task() -> AbortHandle {
        tokio::spawn(std::future::pending::<()>()).abort_handle()
    }

    const AT: SlotId = SlotId { slot: 3, sequence: 7 };
    const NEXT: SlotId = SlotId { slot: 3, sequence: 8 };

    #[tokio::test]
    async fn a_stop_that_overtakes_the_insertion_is_not_lost() {
        let mut running = Running::default();
        running.begin_batch();
        assert!(running.stop(AT).is_none());
        assert!(running.insert(AT, task(), true, false).is_some());
        running.end_batch();
    }

    #[tokio::test]
    async fn a_handler_that_asked_before_its_insertion_is_woken() {
        let (mut running, count) = (Running::default(), Arc::new(Count::default()));
        running.begin_batch();
        assert!(!running.poll_cancelled(AT, &Waker::from(count.clone())));
        assert!(running.insert(AT, task(), true, false).is_none());
        running.end_batch();
        let mut wakers = Vec::new();
        running.cancel(AT, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(running.is_cancelled(AT));
    }

    #[tokio::test]
    async fn an_older_handler_of_the_slot_does_not_touch_its_successor() {
        let mut running = Running::default();
        assert!(running.insert(AT, task(), true, false).is_none());
        assert!(running.insert(NEXT, task(), true, false).is_none());
        running.finish(AT);
        assert!(running.stop(AT).is_none());
        assert!(running.stop(NEXT).is_some());
        assert!(running.is_empty());
    }

    #[tokio::test]
    async fn only_handlers_that_have_begun_are_waited_for() {
        let mut running = Running::default();
        assert!(running.insert(AT, task(), false, false).is_none());
        assert!(running.is_empty());
        running.begin(AT);
        assert!(!running.is_empty());
        // An idempotent one that outlives its slot, and its successor, which is taken back.
        assert!(running.insert(NEXT, task(), false, false).is_none());
        assert!(running.is_empty());
        running.finish(AT);
        running.finish(NEXT);
        assert!(running.is_empty());
    }

    #[tokio::test]
    async fn what_concerns_a_handler_that_has_ended_is_not_kept() {
        let mut running = Running::default();
        assert!(running.stop(AT).is_none());
        running.begin_batch();
        assert!(running.insert(AT, task(), true, false).is_none());
        running.end_batch();
        assert!(!running.is_cancelled(AT));
    }
}
