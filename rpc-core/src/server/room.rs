//! Room for the bytes of replies: that of the server and of each peer, which sessions share, and that of one session.
//!
//! A session takes room in steps and gives it back in steps, so that calls of different clients have nothing in common but, now
//! and then, one counter.

use super::pool::Pool;
use crate::sync::Arc;

/// The steps in which a session takes room: the more it has, the larger.
const STEP_MIN: usize = 4 << 10;
const STEP_MAX: usize = 64 << 10;

/// What a session may hold beyond what it keeps before it gives some back: a busy one goes up and down all the time.
const SLACK_MAX: usize = 2 * STEP_MAX;

/// Whether there is not even a first step for a newcomer, because others have it.
pub(super) fn is_exhausted(pool: &Pool) -> bool {
    let taken = pool.taken();
    taken > 0 && taken.saturating_add(STEP_MIN) > pool.most()
}

/// The room of one session, and which of its slots use it. What it has taken goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    pool: Arc<Pool>,
    /// The most that this session may keep.
    most: usize,
    /// Taken from the pool: at least `kept`, at most `most`.
    taken: usize,
    /// Bytes of all replies that are kept.
    kept: usize,
    hand: Hand,
}

impl Room {
    pub(super) fn new(pool: Arc<Pool>, most: usize) -> Self {
        Self { pool, most, taken: 0, kept: 0, hand: Hand::default() }
    }

    /// Whether so many bytes can be kept without further ado.
    #[inline]
    pub(super) fn fits(&self, bytes: usize) -> bool {
        bytes <= self.taken - self.kept
    }

    /// Whether so many bytes could be kept if nothing else were.
    pub(super) fn may_fit(&self, bytes: usize) -> bool {
        if mutant!(RoomUnbounded) {
            return true;
        }
        bytes <= self.most && bytes <= self.taken.saturating_add(self.pool.free())
    }

    /// Makes so many bytes [fit](Room::fits) by taking more from the pool; `false` if the session or the server has no more.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        if self.fits(bytes) {
            return true;
        }
        if mutant!(RoomUnbounded) {
            self.taken += bytes;
            return true;
        }
        let Some(wanted) = self.kept.checked_add(bytes).filter(|wanted| *wanted <= self.most) else {
            return false;
        };
        let missing = wanted - self.taken;
        let step = self.taken.clamp(STEP_MIN, STEP_MAX);
        let whole = missing.next_multiple_of(step).min(self.most - self.taken);
        let more = [whole, missing].into_iter().find(|more| self.pool.take(*more));
        self.taken += more.unwrap_or(0);
        more.is_some()
    }

    /// A slot keeps so many bytes, which must [fit](Room::fits).
    #[inline]
    pub(super) fn keep(&mut self, slot: usize, bytes: usize) {
        if bytes > 0 {
            self.kept += bytes;
            self.hand.mark(slot);
        }
    }

    /// A slot keeps its so many bytes no longer.
    #[inline]
    pub(super) fn forget(&mut self, slot: usize, bytes: usize) {
        self.kept = self.kept.saturating_sub(bytes);
        self.hand.clear(slot);
    }

    /// Nothing is kept any more.
    pub(super) fn forget_all(&mut self) {
        (self.kept, self.hand) = (0, Hand::default());
        self.give_back();
    }

    /// Gives back what a busy session is not going to need soon.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.taken - self.kept > SLACK_MAX {
            self.give_back_beyond(STEP_MAX);
        }
    }

    /// Gives back what is not needed now.
    pub(super) fn give_back(&mut self) {
        self.give_back_beyond(0);
    }

    fn give_back_beyond(&mut self, slack: usize) {
        let wanted = (self.kept + slack).next_multiple_of(STEP_MIN).min(self.taken);
        self.pool.give_back(self.taken - wanted);
        self.taken = wanted;
    }

    /// A slot whose reply is among those that were kept longest.
    pub(super) fn oldest(&mut self) -> Option<usize> {
        self.hand.next()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.pool.give_back(self.taken);
    }
}

/// Finds old replies without a list in order of age: a hand that goes around the slots, 64 in a step, and takes what was there
/// when it came by the last time.
#[derive(Debug, Default)]
struct Hand {
    words: Vec<Word>,
    at: usize,
}

/// A bit for each of 64 slots.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// Those that keep bytes.
    kept: u64,
    /// Those of them that the hand has not passed.
    young: u64,
}

impl Hand {
    #[inline]
    fn mark(&mut self, slot: usize) {
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, Word::default());
        }
        self.words[word].kept |= bit;
        self.words[word].young |= bit;
    }

    #[inline]
    fn clear(&mut self, slot: usize) {
        if let Some(word) = self.words.get_mut(slot / 64) {
            word.kept &= !(1 << (slot % 64));
        }
    }

    /// It passes each slot twice at most: the first time all may be young.
    fn next(&mut self) -> Option<usize> {
        for _ in 0..=2 * self.words.len() {
            let word = self.words.get_mut(self.at)?;
            let old = word.kept & !word.young;
            if old != 0 {
                return Some(self.at * 64 + old.trailing_zeros() as usize);
            }
            word.young = 0;
            self.at = (self.at + 1) % self.words.len();
        }
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn room(pool: &Arc<Pool>, most: usize) -> Room {
        Room::new(pool.clone(), most)
    }

    /// Keeps so many bytes, as a session without old replies would.
    fn keep(room: &mut Room, slot: usize, bytes: usize) -> bool {
        let grown = room.grow(bytes);
        if grown {
            room.keep(slot, bytes);
        }
        grown
    }

    #[test]
    fn the_pool_is_touched_once_in_many_replies() {
        let pool = Arc::new(Pool::new(1 << 20));
        let mut room = room(&pool, 1 << 20);
        let mut touched = 0;
        for slot in 0..2000 {
            let before = pool.taken();
            assert!(keep(&mut room, slot, 100));
            touched += usize::from(pool.taken() != before);
        }
        assert!(touched < 12, "{touched} times for 200 kB");
        assert!((200_000..200_000 + STEP_MAX).contains(&pool.taken()), "{}", pool.taken());
    }

    #[test]
    fn a_busy_session_does_not_touch_the_pool_and_an_idle_one_gives_all_back() {
        let pool = Arc::new(Pool::new(1 << 20));
        let mut room = room(&pool, 1 << 20);
        assert!(keep(&mut room, 0, 1000));
        let before = pool.taken();
        for _ in 0..100 {
            room.forget(0, 1000);
            room.settle();
            assert!(room.fits(1000) && pool.taken() == before);
            room.keep(0, 1000);
        }
        room.forget(0, 1000);
        room.give_back();
        assert_eq!((pool.taken(), room.kept), (0, 0));
    }

    #[test]
    fn much_that_is_not_needed_any_more_is_given_back_at_once() {
        let pool = Arc::new(Pool::new(8 << 20));
        let mut room = room(&pool, 8 << 20);
        assert!(keep(&mut room, 0, 4 << 20));
        room.forget(0, 4 << 20);
        room.settle();
        assert_eq!(pool.taken(), STEP_MAX);
    }

    #[test]
    fn a_session_that_goes_gives_all_of_its_room_back() {
        let pool = Arc::new(Pool::new(1 << 20));
        let mut room = room(&pool, 1 << 20);
        assert!(keep(&mut room, 0, 5000));
        drop(room);
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn neither_a_session_nor_all_together_get_beyond_their_limits() {
        let pool = Arc::new(Pool::new(10_000));
        let (mut one, mut other) = (room(&pool, 6000), room(&pool, 6000));
        assert!(keep(&mut one, 0, 6000) && !keep(&mut one, 1, 1));
        assert!(!keep(&mut other, 0, 4001) && keep(&mut other, 0, 4000), "the last bytes are given too");
        assert!(is_exhausted(&pool));
        assert!(!other.may_fit(4001) && other.may_fit(4000) && !one.may_fit(6001));
        drop(one);
        assert!(!is_exhausted(&pool));
    }

    #[test]
    fn a_pool_without_room_is_exhausted_only_by_what_is_in_it() {
        for most in [0, 1, STEP_MIN - 1] {
            let pool = Arc::new(Pool::new(most));
            assert!(!is_exhausted(&pool));
            let mut room = room(&pool, 1 << 20);
            assert_eq!(keep(&mut room, 0, 1), most > 0);
            assert_eq!(is_exhausted(&pool), most > 0);
        }
    }

    #[test]
    fn the_hand_takes_old_replies_before_young_ones() {
        let mut hand = Hand::default();
        assert_eq!(hand.next(), None);
        (0..200).for_each(|slot| hand.mark(slot));
        let mut taken = Vec::new();
        for young in 200..300 {
            let slot = hand.next().expect("many are kept");
            hand.clear(slot);
            taken.push(slot);
            hand.mark(young % 200);
        }
        assert!(
            taken.iter().all(|slot| taken.iter().filter(|other| *other == slot).count() == 1),
            "{taken:?}"
        );
    }

    #[test]
    fn the_hand_finds_every_reply_in_the_end() {
        let mut hand = Hand::default();
        [3, 64, 700, 701].into_iter().for_each(|slot| hand.mark(slot));
        let mut found: Vec<_> =
            std::iter::from_fn(|| hand.next().inspect(|slot| hand.clear(*slot))).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 64, 700, 701]);
    }
}
