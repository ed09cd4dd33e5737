//! A session's connection, from dialling to its loss.

use super::ConnectionId;
use super::jitter::below;
use super::session::Identity;
use crate::connection::{ConnectionTime, Gathering, Liveness, Outgoing};
use crate::error::BindError;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// The first redial after a failure waits this long, each further one 1.6 times as long, up to the last: gRPC's connection
/// backoff, started sooner because a process on the same site restarts within a second.
const REDIAL_FIRST: Duration = Duration::from_millis(50);
const REDIAL_MOST: Duration = Duration::from_secs(30);

/// ```text
///         somebody wants it            stream is open         Welcome, all bindings answered
///  Down ---------------------> Dialling -------------> Greeting ----------------------------> Ready
///   ^                             |                       |                                     |
///   +-----------------------------+-----------------------+-------------------------------------+
///            failed, refused, timed out: the next address of the round; behind the last one, and when a connection
///            is lost, not before the pace allows it again
/// ```
pub(super) enum Link {
    Down(Pace),
    Dialling(ConnectionId, Pace),
    Greeting(Box<Open>),
    Ready(Box<Open>),
}

/// When a dial may be made again.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    pub(super) failures: u32,
    pub(super) not_before: Option<Instant>,
    /// Only the session's own address was tried, for calls that only it can answer: no reason for others to wait.
    pub(super) own: bool,
    /// Why there is no connection, for calls that end while they wait for one.
    pub(super) last: Option<Arc<BindError>>,
}

impl Pace {
    /// One more failure: between half and all of the delay, at random; later if the server has `asked` for it.
    pub(super) fn failed(mut self, now: Instant, asked: Duration, jitter: &mut u64, why: BindError) -> Self {
        let mut delay = REDIAL_FIRST;
        for _ in 0..self.failures.min(16) {
            delay = (delay * 8 / 5).min(REDIAL_MOST);
        }
        self.failures += 1;
        self.not_before = Some(now + asked.max(delay / 2) + below(delay / 2, jitter));
        self.last = Some(Arc::new(why));
        self
    }
}

/// An open connection.
pub(super) struct Open {
    pub(super) connection: ConnectionId,
    pub(super) address: Arc<str>,
    pub(super) opened: Instant,
    pub(super) outgoing: Outgoing,
    pub(super) gathering: Gathering,
    pub(super) liveness: Liveness,
    pub(super) time: ConnectionTime,
    /// What came of the answer to the handshake while that is not whole, for errors: a stranger may say so little that
    /// nobody can tell what it speaks.
    pub(super) first: String,
    /// Its `Hello` wished to resume the session, so that nothing may follow before the answer.
    pub(super) resuming: bool,
    /// Of the session that the `Welcome` has named.
    pub(super) identity: Option<Identity>,
    /// The largest request that the server takes.
    pub(super) message_max: usize,
    /// Places of the session's table of methods that are taken.
    pub(super) methods: u16,
    /// In the handshake: it has at least one of the services, and why it refuses another one.
    pub(super) accepted: bool,
    pub(super) refused: Option<BindError>,
    /// A call was answered here.
    pub(super) useful: bool,
    /// When to write the next fence again that was answered with `Busy`.
    pub(super) busy_again: Instant,
    pub(super) pace: Pace,
}

impl Link {
    pub(super) fn open(&self) -> Option<&Open> {
        match self {
            Link::Greeting(open) | Link::Ready(open) => Some(open),
            _ => None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            Link::Greeting(open) | Link::Ready(open) => Some(open),
            _ => None,
        }
    }

    /// Whether what a binding has come to holds for the server that is there: not what a server said that is gone, nor a
    /// refusal in the handshake, after which the next address may be tried.
    pub(super) fn vouches_for(&self, outcome: &Result<(), BindError>) -> bool {
        match self {
            Link::Ready(_) => true,
            Link::Greeting(_) => outcome.is_ok(),
            Link::Down(_) | Link::Dialling(..) => false,
        }
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Link::Dialling(connection, _) => Some(*connection),
            _ => self.open().map(|open| open.connection),
        }
    }

    /// Whether the server has answered the handshake.
    pub(super) fn is_greeted(&self) -> bool {
        self.open().is_some_and(|open| open.identity.is_some())
    }

    pub(super) fn address(&self) -> &str {
        self.open().map_or("no server", |open| &open.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of many clients, which differ by their seeds alone, dials again after so many failures at the same moments.
    fn redials(failures: u32) -> Vec<Duration> {
        let now = Instant(1_000_000_000);
        let redial = |client: u64| {
            let mut jitter = client.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let why = || BindError::StreamEnded { address: String::new() };
            let failed = |pace: Pace, _| pace.failed(now, Duration::ZERO, &mut jitter, why());
            let pace = (0..failures).fold(Pace::default(), failed);
            pace.not_before.map_or(Duration::ZERO, |at| at - now)
        };
        (1..=10_000).map(redial).collect()
    }

    #[test]
    fn clients_that_lose_a_server_together_do_not_come_back_together() {
        for (failures, most) in [(1, 50), (2, 80), (5, 327), (30, 30_000)] {
            let redials = redials(failures);
            let (half, tenth) = (Duration::from_millis(most) / 2, Duration::from_millis(most) / 20);
            for part in 0..10 {
                let from = half + tenth * part;
                // The longest delays are rounded.
                let came = redials.iter().filter(|at| (from..from + tenth).contains(*at)).count();
                assert!((800..1200).contains(&came), "{came} of 10,000 in tenth {part} after {failures}");
            }
        }
    }
}
