//! When a call is attempted again.

use super::jitter::below;
use crate::time::Instant;
use std::time::Duration;

/// The most that [`Retry::attempts`] takes effect for.
const ATTEMPTS_MOST: u8 = 20;

/// The most that [`Retry::percent`] takes effect for: with 20 attempts a call is retried 19 times.
const PERCENT_MOST: u32 = 1_900;

/// How often a channel attempts a call again by itself. It does so only where that cannot run the call twice: if it was
/// certainly not executed, or is idempotent. It waits in between, and never past the call's deadline. To make a lost
/// connection again and to resume the session is no retry.
///
/// Each field has a setter of its name:
///
/// ```
/// # use rpc_core::client::Retry;
/// let never = Retry::default().attempts(1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How often a call is attempted at most, the first time included. Default 4; from 1, which is no retry at all, to 20.
    pub attempts: u8,
    /// The wait before the second attempt: at random between nothing and this, so that clients that were refused together do
    /// not come back together. Before each further one the span is twice as long. Default 25 ms. What the server has asked
    /// for (`retry_after`) is waited for first.
    pub first: Duration,
    /// The longest span. Default 1 s; never less than `first`.
    pub most: Duration,
    /// Retries of the whole channel, in percent of the calls of the last 10 s, besides [`Retry::a_second`]. When they are used
    /// up, a call that could be retried ends with its error. Default 20, so that a server in trouble gets at most a fifth on
    /// top of its load; at most 1,900.
    pub percent: u32,
    /// Retries of the whole channel a second, over the last 10 s, besides [`Retry::percent`]. Default 10.
    pub a_second: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(25),
            most: Duration::from_secs(1),
            percent: 20,
            a_second: 10,
        }
    }
}

impl Retry {
    /// Sets [`Retry::attempts`](#structfield.attempts).
    #[must_use]
    pub fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets [`Retry::first`](#structfield.first).
    #[must_use]
    pub fn first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// Sets [`Retry::most`](#structfield.most).
    #[must_use]
    pub fn most(mut self, most: Duration) -> Self {
        self.most = most;
        self
    }

    /// Sets [`Retry::percent`](#structfield.percent).
    #[must_use]
    pub fn percent(mut self, percent: u32) -> Self {
        self.percent = percent;
        self
    }

    /// Sets [`Retry::a_second`](#structfield.a_second).
    #[must_use]
    pub fn a_second(mut self, a_second: u32) -> Self {
        self.a_second = a_second;
        self
    }

    /// The same with every value in the range that its field names.
    pub(super) fn sane(self) -> Self {
        Self {
            attempts: self.attempts.clamp(1, ATTEMPTS_MOST),
            most: self.most.max(self.first),
            percent: self.percent.min(PERCENT_MOST),
            ..self
        }
    }

    /// When a call is attempted again that was attempted `made` times, the last one of which has just failed. `retry_after`:
    /// what the server has asked for, or zero. None if it was attempted often enough, or would have no time left.
    pub(super) fn again(
        &self,
        now: Instant,
        made: u8,
        retry_after: Duration,
        deadline: Instant,
        jitter: &mut u64,
    ) -> Option<Instant> {
        if made >= self.attempts {
            return None;
        }
        let doublings = u32::from(made).saturating_sub(1);
        let span = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.most);
        let again = now + retry_after + below(span, jitter);
        (again < deadline || mutant!(RetriesPastDeadline)).then_some(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(1_000_000_000);

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// The waits of many calls after so many attempts.
    fn waits(retry: &Retry, made: u8, retry_after: Duration) -> Vec<Duration> {
        let mut jitter = 1;
        let again = |_| retry.again(NOW, made, retry_after, Instant::NEVER, &mut jitter).map(|at| at - NOW);
        (0..1000).filter_map(again).collect()
    }

    #[test]
    fn waits_fill_a_span_that_doubles_up_to_the_longest() {
        let retry = Retry::default().attempts(10);
        for (made, span) in [(1, 25), (2, 50), (3, 100), (6, 800), (7, 1000), (9, 1000)] {
            let waits = waits(&retry, made, Duration::ZERO);
            assert_eq!(waits.len(), 1000);
            assert!(waits.iter().all(|wait| *wait < millis(span)), "{made}");
            assert!(waits.iter().any(|wait| *wait < millis(span) / 20), "{made}");
            assert!(waits.iter().any(|wait| *wait > millis(span) * 19 / 20), "{made}");
        }
    }

    #[test]
    fn what_the_server_asks_for_comes_first_and_the_jitter_on_top() {
        let waits = waits(&Retry::default(), 1, millis(300));
        assert!(waits.iter().all(|wait| (millis(300)..millis(325)).contains(wait)));
        assert!(waits.iter().any(|wait| *wait > millis(301)));
    }

    #[test]
    fn the_last_attempt_is_followed_by_none() {
        let again = |made| Retry::default().again(NOW, made, Duration::ZERO, Instant::NEVER, &mut 1);
        assert!(again(3).is_some());
        assert_eq!(again(4), None);
        assert_eq!(again(u8::MAX), None);
    }

    #[test]
    fn nothing_is_attempted_at_or_behind_the_deadline() {
        let again = |retry_after, left| {
            let retry = Retry::default().first(Duration::ZERO).most(Duration::ZERO);
            retry.again(NOW, 1, millis(retry_after), NOW + millis(left), &mut 1)
        };
        assert_eq!(again(10, 11), Some(NOW + millis(10)));
        assert_eq!(again(10, 10), None);
        assert_eq!(again(u64::from(u32::MAX), 10_000), None);
    }

    #[test]
    fn what_is_set_takes_effect_within_its_range() {
        assert_eq!(Retry::default().sane(), Retry::default());
        let wide = Retry::default().attempts(255).percent(u32::MAX).first(millis(5)).most(millis(1)).sane();
        assert_eq!((wide.attempts, wide.percent, wide.most), (20, 1_900, millis(5)));
        assert_eq!(Retry::default().attempts(0).sane().attempts, 1);
    }

    #[test]
    fn the_longest_times_overflow_nothing() {
        let retry = Retry::default().attempts(20).first(Duration::MAX).most(Duration::MAX).sane();
        let again = retry.again(NOW, 19, Duration::MAX, Instant::NEVER, &mut 1);
        assert_eq!(again, None);
    }
}
