//! What requests take of a server, and of what one peer may have of it: places to run, places to wait, bytes.
//!
//! A session takes several at once and gives back what it does not use whenever its outputs were drained, so that calls of
//! different clients have little in common but, now and then, a counter.

use super::pool::Pool;
use crate::limits::Limits;
use crate::sync::Arc;

/// What is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Handlers that run.
    Executing,
    /// These, and requests that the driver was told of, or will be, and has not begun. Of these there may be so many as may wait,
    /// and as many more as there are places to run: a burst that comes when nothing runs need not wait.
    Admitted,
    /// Bytes of requests that wait or run, of unfinished messages, and of replies that wait to be written.
    Bytes,
}

const KINDS: usize = 3;

/// What is taken at once at most, of each kind; and how much of it a session may have that it does not use.
const STEPS: [usize; KINDS] = [16, 64, 64 << 10];
const SLACK: [usize; KINDS] = [0, 0, 256 << 10];

/// And no more than this part of all.
const SLACK_PART: usize = 1024;

/// Of a small supply no session takes more than this part at once beyond its need.
const STEP_PART: usize = 16;

/// All that there is, for the whole server or for one peer.
#[derive(Debug)]
pub(super) struct Load([Pool; KINDS]);

impl Load {
    pub(super) fn of_server(limits: &Limits) -> Self {
        Self::new(limits.executing_max, limits.queued_max, limits.bytes_max)
    }

    pub(super) fn of_peer(limits: &Limits) -> Self {
        Self::new(limits.executing_per_peer, limits.queued_per_peer, limits.bytes_per_peer)
    }

    fn new(executing: usize, queued: usize, bytes: usize) -> Self {
        Self([executing, executing.saturating_add(queued), bytes].map(Pool::new))
    }

    fn pool(&self, kind: Shared) -> &Pool {
        &self.0[kind as usize]
    }

    /// Whether there is one more of it.
    pub(super) fn has(&self, kind: Shared) -> bool {
        self.pool(kind).taken() < self.pool(kind).most()
    }

    pub(super) fn taken(&self, kind: Shared) -> usize {
        self.pool(kind).taken()
    }
}

/// Whose supply is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Server,
    Peer,
}

/// One session's part. What it has taken goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    server: Arc<Load>,
    peer: Arc<Load>,
    /// At least `used`.
    taken: [usize; KINDS],
    used: [usize; KINDS],
}

impl Share {
    pub(super) fn new(server: Arc<Load>, peer: Arc<Load>) -> Self {
        Self { server, peer, taken: [0; KINDS], used: [0; KINDS] }
    }

    #[inline]
    pub(super) fn used(&self, kind: Shared) -> usize {
        self.used[kind as usize]
    }

    /// Uses one more.
    #[inline]
    pub(super) fn enter(&mut self, kind: Shared) -> Result<(), Whose> {
        self.grow(kind, self.used(kind) + 1)
    }

    /// A request that waited runs. Places are taken for those that wait behind it too, but for no more: they may run for long.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<(), Whose> {
        let used = self.used(Shared::Executing) + 1;
        if used > self.taken[Shared::Executing as usize] {
            self.take_for(Shared::Executing, used, self.waiting())?;
        }
        self.used[Shared::Executing as usize] = used;
        Ok(())
    }

    /// A handler that ran has ended.
    #[inline]
    pub(super) fn end(&mut self) {
        self.leave(Shared::Executing);
        self.leave(Shared::Admitted);
    }

    /// Requests that were admitted and whose handlers have not begun.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.used(Shared::Admitted).saturating_sub(self.used(Shared::Executing))
    }

    /// Uses one less.
    #[inline]
    pub(super) fn leave(&mut self, kind: Shared) {
        self.used[kind as usize] = self.used(kind).saturating_sub(1);
    }

    /// Uses so much, which may be more than before, if there is so much.
    #[inline]
    pub(super) fn grow(&mut self, kind: Shared, used: usize) -> Result<(), Whose> {
        if used > self.taken[kind as usize] {
            self.take_for(kind, used, usize::MAX)?;
        }
        self.used[kind as usize] = used;
        Ok(())
    }

    /// Uses so much, whether there is so much or not: then nobody takes any more until others have given back.
    #[inline]
    pub(super) fn set(&mut self, kind: Shared, used: usize) {
        self.used[kind as usize] = used;
        let missing = used.saturating_sub(self.taken[kind as usize]);
        if missing > 0 {
            self.server.pool(kind).force(missing);
            self.peer.pool(kind).force(missing);
            self.taken[kind as usize] += missing;
        }
    }

    fn take_for(&mut self, kind: Shared, used: usize, useful: usize) -> Result<(), Whose> {
        let missing = used - self.taken[kind as usize];
        let (server, peer) = (self.server.pool(kind), self.peer.pool(kind));
        let step = STEPS[kind as usize].min(server.most().min(peer.most()) / STEP_PART).min(useful).max(1);
        let take = |more: usize| {
            if !server.take(more) {
                return Err(Whose::Server);
            }
            if !peer.take(more) {
                server.give_back(more);
                return Err(Whose::Peer);
            }
            Ok(more)
        };
        let more = take(missing.next_multiple_of(step)).or_else(|_| take(missing))?;
        self.taken[kind as usize] += more;
        Ok(())
    }

    /// Gives back what is not used: to be called often.
    #[inline]
    pub(super) fn settle(&mut self) {
        for kind in [Shared::Executing, Shared::Admitted, Shared::Bytes] {
            let index = kind as usize;
            if self.taken[index] > self.used[index] + self.slack(kind) {
                self.give_back(kind, self.used[index]);
            }
        }
    }

    /// How much it may keep that it does not use. None where others will soon need it.
    #[inline]
    fn slack(&self, kind: Shared) -> usize {
        let slack = SLACK[kind as usize];
        let rare = |pool: &Pool| pool.taken() > pool.most() / 2;
        if slack == 0 || self.used(kind) == 0 || rare(self.server.pool(kind)) || rare(self.peer.pool(kind)) {
            return 0;
        }
        slack.min(self.server.pool(kind).most() / SLACK_PART)
    }

    fn give_back(&mut self, kind: Shared, keep: usize) {
        let more = self.taken[kind as usize] - keep;
        self.server.pool(kind).give_back(more);
        self.peer.pool(kind).give_back(more);
        self.taken[kind as usize] = keep;
    }

    /// Whether one more could be used now.
    pub(super) fn may_enter(&self, kind: Shared) -> bool {
        self.used(kind) < self.taken[kind as usize] || (self.server.has(kind) && self.peer.has(kind))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        for kind in [Shared::Executing, Shared::Admitted, Shared::Bytes] {
            self.give_back(kind, 0);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn load(executing: usize, queued: usize, bytes: usize) -> Arc<Load> {
        Arc::new(Load::new(executing, queued, bytes))
    }

    #[test]
    fn neither_a_peer_nor_all_together_get_more_than_there_is() {
        let server = load(5, 9, 9);
        let (one, other) = (load(4, 9, 9), load(4, 9, 9));
        let (mut a, mut b) = (Share::new(server.clone(), one.clone()), Share::new(server.clone(), one));
        let mut c = Share::new(server.clone(), other);
        for share in [&mut a, &mut b] {
            assert_eq!([share.enter(Shared::Executing), share.enter(Shared::Executing)], [Ok(()); 2]);
        }
        assert_eq!(a.enter(Shared::Executing), Err(Whose::Peer));
        assert_eq!(c.enter(Shared::Executing), Ok(()));
        assert_eq!(c.enter(Shared::Executing), Err(Whose::Server));
        assert_eq!(b.enter(Shared::Executing), Err(Whose::Server));
        a.leave(Shared::Executing);
        a.settle();
        assert!(b.may_enter(Shared::Executing) && c.may_enter(Shared::Executing));
        assert_eq!(c.enter(Shared::Executing), Ok(()));
        drop((a, b, c));
        assert_eq!(server.taken(Shared::Executing), 0);
    }

    #[test]
    fn a_burst_touches_the_counter_now_and_then_and_all_of_it_comes_back() {
        let server = load(1 << 14, 1 << 14, 1 << 30);
        let mut share = Share::new(server.clone(), load(1 << 14, 1 << 14, 1 << 30));
        let mut touched = 0;
        for _ in 0..640 {
            let before = server.taken(Shared::Admitted);
            assert_eq!(share.enter(Shared::Admitted), Ok(()));
            touched += usize::from(server.taken(Shared::Admitted) != before);
        }
        assert_eq!(touched, 10);
        (0..640).for_each(|_| share.leave(Shared::Admitted));
        share.settle();
        assert_eq!(server.taken(Shared::Admitted), 0);
    }

    #[test]
    fn what_cannot_be_refused_is_counted_and_keeps_others_out() {
        let (server, peer) = (load(1, 1, 1000), load(1, 1, 1000));
        let mut share = Share::new(server.clone(), peer.clone());
        share.set(Shared::Bytes, 5000);
        assert_eq!(server.taken(Shared::Bytes), 5000);
        let mut other = Share::new(server.clone(), load(1, 1, 1000));
        assert_eq!(other.grow(Shared::Bytes, 1), Err(Whose::Server));
        share.set(Shared::Bytes, 0);
        share.settle();
        assert_eq!((other.grow(Shared::Bytes, 1000), peer.taken(Shared::Bytes)), (Ok(()), 0));
    }

    #[test]
    fn the_last_of_it_is_given_too() {
        let mut share = Share::new(load(3, 97, 9), load(3, 97, 9));
        assert!((0..100).all(|_| share.enter(Shared::Admitted).is_ok()));
        assert_eq!(share.enter(Shared::Admitted), Err(Whose::Server));
    }
}
