//! A supply that many take from: a counter and its limit.

use crate::sync::{AtomicUsize, Ordering};

/// So much there is, and so much of it is taken.
#[derive(Debug)]
pub(super) struct Pool {
    most: usize,
    taken: AtomicUsize,
}

// The counter guards no memory, it only counts. Sequentially consistent all the same, for what a driver does: it leaves a
// request where others look for it and then finds no place for it, while another gives a place back and then finds no request.
// One of the two has to see the other.
impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0) }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn take(&self, more: usize) -> bool {
        let add = |taken: usize| taken.checked_add(more).filter(|taken| *taken <= self.most);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).is_ok()
    }

    /// Takes it even if there is not so much.
    pub(super) fn force(&self, more: usize) {
        self.taken.fetch_add(more, Ordering::SeqCst);
    }

    pub(super) fn give_back(&self, less: usize) {
        self.taken.fetch_sub(less, Ordering::SeqCst);
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}
