//! A supply that many take from: a counter and its limit.

use crate::sync::{Arc, AtomicUsize, Ordering};

/// So much there is, and so much of it is taken.
#[derive(Debug)]
pub(super) struct Pool {
    most: usize,
    taken: AtomicUsize,
    /// What is taken here is taken there too.
    whole: Option<Arc<Pool>>,
}

// The counter guards no memory, it only counts. Sequentially consistent all the same, for what a driver does: it leaves a
// request where others look for it and then finds no place for it, while another gives a place back and then finds no request.
// One of the two has to see the other.
impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0), whole: None }
    }

    /// A part of `whole`, of which others may take at the same time.
    pub(super) fn part_of(whole: Arc<Pool>, most: usize) -> Self {
        Self { whole: Some(whole), ..Self::new(most) }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn take(&self, more: usize) -> bool {
        let add = |taken: usize| taken.checked_add(more).filter(|taken| *taken <= self.most);
        if self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).is_err() {
            return false;
        }
        let whole = self.whole.as_ref().is_none_or(|whole| whole.take(more));
        if !whole {
            self.taken.fetch_sub(more, Ordering::SeqCst);
        }
        whole
    }

    /// Takes it even if there is not so much.
    pub(super) fn force(&self, more: usize) {
        self.taken.fetch_add(more, Ordering::SeqCst);
        if let Some(whole) = &self.whole {
            whole.force(more);
        }
    }

    pub(super) fn give_back(&self, less: usize) {
        self.taken.fetch_sub(less, Ordering::SeqCst);
        if let Some(whole) = &self.whole {
            whole.give_back(less);
        }
    }

    /// What can be taken now.
    pub(super) fn free(&self) -> usize {
        let free = self.most.saturating_sub(self.taken());
        self.whole.as_ref().map_or(free, |whole| free.min(whole.free()))
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_part_gives_no_more_than_itself_and_the_whole_have() {
        let whole = Arc::new(Pool::new(10));
        let (one, other) = (Pool::part_of(whole.clone(), 7), Pool::part_of(whole.clone(), 7));
        assert!(one.take(7) && !one.take(1));
        assert_eq!((one.free(), other.free(), whole.free()), (0, 3, 3));
        assert!(!other.take(4) && other.take(3));
        one.give_back(7);
        assert_eq!((one.free(), other.free(), whole.taken()), (7, 4, 3));
        other.give_back(3);
        assert_eq!(whole.taken(), 0);
    }
}
