//! Not going to sleep at once: a task that has just moved bytes asks again and again for a while, since putting a processor to
//! sleep and waking it takes longer than most calls.
//!
//! It asks by giving way: every other task of the thread has its turn, and the runtime looks for what has come without waiting for
//! it. So a thread that polls busily still does everything else, and a hundred connections that do so share one look.

use crate::clock::Clock;
use crate::turn::give_way;
use rpc_core::Instant;
use std::task::Context;
use std::time::Duration;

/// For how long after it has moved bytes a task does not sleep.
pub(crate) struct BusyPoll {
    window: Duration,
    until: Instant,
}

impl BusyPoll {
    /// Zero: it sleeps at once.
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, until: Instant(0) }
    }

    /// Whether it is used at all.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        !self.window.is_zero()
    }

    /// Bytes were read or written.
    #[inline]
    pub(crate) fn active(&mut self, now: Instant) {
        if self.is_on() {
            self.until = now + self.window;
        }
    }

    /// The task has nothing to do. It is woken at once if it is not to sleep yet.
    #[inline]
    pub(crate) fn rest(&self, cx: &mut Context<'_>) {
        if self.is_on() && Clock::now() < self.until {
            #[cfg(test)]
            crate::gates::count_busy_poll();
            give_way(cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How often the task is woken when it rests, after it was active at `active`.
    fn woken(window: Duration, active: Instant) -> u32 {
        let mut busy = BusyPoll::new(window);
        busy.active(active);
        let count = Arc::new(Count::default());
        busy.rest(&mut Context::from_waker(&Waker::from(count.clone())));
        count.0.load(Ordering::SeqCst)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_task_that_was_active_within_its_window_is_woken_at_once() {
        assert_eq!(woken(HOUR, Clock::now()), 1);
    }

    #[test]
    fn a_task_sleeps_when_its_window_is_over() {
        // As long ago as that this was.
        std::hint::black_box(Clock::now());
        assert_eq!(woken(Duration::from_nanos(1), Instant(0)), 0);
    }

    #[test]
    fn a_task_without_a_window_sleeps_at_once() {
        assert_eq!(woken(Duration::ZERO, Clock::now() + HOUR), 0);
    }
}
