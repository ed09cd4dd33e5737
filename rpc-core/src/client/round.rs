//! Once around the channel's addresses: which one is next, how long it may take, and what became of the others.

use crate::error::{BindError, Tried};
use crate::time::Instant;
use std::time::Duration;

/// Attempts that an error lists of the beginning and of the end of a long wait, unless one round has more.
const LISTED: usize = 4;

/// An address gets an even share of what is left of the window, but a quarter at least: in a long list an even share
/// would be too short for any server that is far away.
const SHARES: usize = 4;

/// ```text
///           begin            next               failed, others are left
///  between --------> begun --------> trying ----------------------------> begun
///    ^                                 |
///    +---------------------------------+ failed, none is left; reached
/// ```
///
/// "Between" is `left == 0`. A new round begins with the address that there was a connection to, unless that was
/// [passed](Round::pass).
pub(super) struct Round {
    addresses: usize,
    window: Duration,
    /// Index of the address that is tried, or that comes first in the next round.
    at: usize,
    /// Addresses that this round has still to try, the present one included.
    left: usize,
    /// It tries one address of several.
    own: bool,
    /// When the round is over.
    end: Instant,
    /// When the present address was begun with, and when its share of the window ends.
    since: Instant,
    until: Instant,
    /// Of this round: whether some server may serve later what it does not serve now, and when all of them have asked
    /// to be tried again.
    retryable: bool,
    asked: Duration,
    past: Past,
}

/// Attempts so far, of this round and of those before it that the same users have waited for.
#[derive(Default)]
struct Past {
    since: Instant,
    tried: Vec<Tried>,
    attempts: usize,
    /// So many of the first and of the last ones are kept.
    edge: usize,
    rounds: usize,
    /// Some server was there.
    reached: bool,
}

impl Round {
    pub(super) fn new(addresses: usize, window: Duration) -> Self {
        Self {
            addresses: addresses.max(1),
            window,
            at: 0,
            left: 0,
            own: false,
            end: Instant::default(),
            since: Instant::default(),
            until: Instant::default(),
            retryable: false,
            asked: Duration::ZERO,
            past: Past::default(),
        }
    }

    /// Begins a round. `waiting` is since when somebody waits for a first agreement: what was tried since then is kept.
    pub(super) fn begin(&mut self, now: Instant, waiting: Option<Instant>) {
        if waiting.is_none_or(|since| self.past.since < since) {
            self.past = Past { since: now, ..Past::default() };
        }
        (self.left, self.own) = (self.addresses, false);
        self.end = now + self.window;
        self.retryable = false;
        self.asked = Duration::MAX;
    }

    /// Begins a round that has this address only. If there are others, it is as short as if it had them too: a call that comes
    /// meanwhile could be sent there.
    pub(super) fn begin_with(&mut self, now: Instant, address: usize) {
        self.begin(now, None);
        self.end = now + self.window / self.addresses.min(SHARES) as u32;
        (self.at, self.left, self.own) = (address, 1, self.addresses > 1);
    }

    /// Whether it tries, or has tried, one address of several.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// The address that is tried, or that comes first in the next round.
    pub(super) fn address(&self) -> usize {
        self.at
    }

    /// The address to try now, and how long that may take: so long that a silent server leaves the others their time.
    pub(super) fn next(&mut self, now: Instant) -> (usize, Duration) {
        let share = (self.end - now) / self.left.clamp(1, SHARES) as u32;
        self.since = now;
        self.until = now + share;
        (self.at, share)
    }

    /// When the present address has used up its share.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// The present address has not led to a server that can be used. `true`: there is another one to try.
    pub(super) fn failed(&mut self, now: Instant, address: &str, error: &BindError) -> bool {
        self.retryable |= error.is_retryable();
        self.asked = self.asked.min(error.asked());
        match error {
            BindError::Unreachable { tried, .. } => tried.iter().for_each(|one| self.past.push(one.clone())),
            other => {
                self.past.reached = true;
                let (address, error) = (address.to_owned(), other.at_its_address());
                self.past.push(Tried { address, error, after: now - self.since });
            }
        }
        self.left = self.left.saturating_sub(1);
        self.pass();
        self.left > 0
    }

    /// What to tell when the round is over: `last` itself where it says everything, otherwise all that was tried.
    pub(super) fn outcome(&mut self, last: BindError) -> BindError {
        self.left = 0;
        self.past.end_round();
        if self.addresses == 1 && (self.past.rounds == 1 || !last.is_retryable()) {
            return last;
        }
        let (tried, attempts) = (self.past.tried.clone(), self.past.attempts);
        match self.past.reached {
            true => BindError::NoServer { tried, attempts, retryable: self.retryable },
            false => BindError::Unreachable { tried, attempts },
        }
    }

    /// How long every server of the round wants to be left alone.
    pub(super) fn asked(&self) -> Duration {
        self.asked
    }

    /// There is a connection to the present address, and it can be used.
    pub(super) fn reached(&mut self) {
        self.left = 0;
        self.asked = Duration::ZERO;
        self.past = Past::default();
    }

    /// Whether a channel has a single address: it stays with a server that is of little use.
    pub(super) fn is_single(&self) -> bool {
        self.addresses == 1
    }

    /// The present address comes last in the next round.
    pub(super) fn pass(&mut self) {
        self.at = (self.at + 1) % self.addresses;
    }
}

impl Past {
    fn push(&mut self, tried: Tried) {
        self.attempts += 1;
        // The first round is kept whole: it lists every address.
        if self.rounds > 0 && self.tried.len() >= 2 * self.edge {
            self.tried.remove(self.edge);
        }
        self.tried.push(tried);
    }

    fn end_round(&mut self) {
        if self.rounds == 0 {
            self.edge = self.tried.len().max(LISTED);
        }
        self.rounds += 1;
    }
}
