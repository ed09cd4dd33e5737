//! Is the peer still there? Silence is probed by pings; how long to wait for the answer follows the measured round trip.

use crate::limits::Limits;
use crate::time::Instant;
use std::time::Duration;

/// A server pings a connection that is never silent too. The answer sets connection time anew: what the answer to the
/// handshake lost on a slow way is taken from every deadline until then, and a deadline has 32 bits of milliseconds.
const SERVER_PINGS_EVERY: Duration = Duration::from_secs(60);

/// Smoothed round trip and its variation, as in RFC 6298 section 2.
#[derive(Clone, Copy, Debug, Default)]
struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
    measured: bool,
}

impl RoundTrip {
    fn measure(&mut self, sample: Duration) {
        if self.measured {
            let distance = self.smoothed.abs_diff(sample);
            self.variation = (self.variation * 3 + distance) / 4;
            self.smoothed = (self.smoothed * 7 + sample) / 8;
        } else {
            (self.smoothed, self.variation, self.measured) = (sample, sample / 2, true);
        }
    }

    /// The retransmission timeout of RFC 6298, without its minimum of one second: that minimum keeps TCP from sending twice
    /// what is only late, while here nothing is sent twice, and a second is an age between two machines of one
    /// site. `Limits::pong_wait_min` takes its place, against pauses of a loaded peer.
    fn patience(&self, limits: &Limits) -> Duration {
        if !self.measured {
            return limits.pong_wait_min.max(Duration::from_secs(1));
        }
        limits.pong_wait_min.max(self.smoothed + self.variation * 4)
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Nothing before this time.
    Wait(Instant),
    /// Send a ping with this number.
    Ping(u64),
    /// No answer to a ping for so long: the connection is dead.
    Dead(Duration),
}

/// ```text
///            silent for too long                  any bytes
/// Listening ---------------------> Probing ------------------> Listening
///                                     | no bytes within the patience
///                                     v
///                                   dead
/// ```
#[derive(Clone, Copy, Debug)]
enum State {
    Listening,
    Probing { since: Instant },
}

/// One end's watch over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    state: State,
    heard: Instant,
    /// When somebody began to wait: silence before that means nothing.
    waiting: Instant,
    last_ping: Instant,
    /// Pings even if the peer is not silent.
    every: Option<Duration>,
    pinged: Option<(u64, Instant)>,
    pings: u64,
    round_trip: RoundTrip,
}

impl Liveness {
    pub(crate) fn starting(now: Instant) -> Self {
        Self {
            state: State::Listening,
            heard: now,
            waiting: now,
            last_ping: now,
            every: None,
            pinged: None,
            pings: 0,
            round_trip: RoundTrip::default(),
        }
    }

    /// The server's end, whose pings set connection time anew.
    pub(crate) fn starting_on_server(now: Instant) -> Self {
        Self { every: Some(SERVER_PINGS_EVERY), ..Self::starting(now) }
    }

    /// The round trip of the handshake counts as the first measurement.
    pub(crate) fn measured(&mut self, sample: Duration) {
        self.round_trip.measure(sample);
    }

    /// Bytes have come, whatever they are: the peer lives.
    #[inline]
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.state = State::Listening;
    }

    /// Nobody has waited for the peer, but somebody does from now on.
    #[inline]
    pub(crate) fn waiting_since(&mut self, now: Instant) {
        self.waiting = now;
    }

    /// When the ping with this number was sent, if it is the one that is waited for.
    pub(crate) fn ponged(&mut self, now: Instant, number: u64) -> Option<Instant> {
        let (asked, sent) = self.pinged?;
        if asked != number {
            return None;
        }
        self.pinged = None;
        self.round_trip.measure(now - sent);
        Some(sent)
    }

    /// `busy`: somebody waits for the peer, so that silence is noticed soon.
    pub(crate) fn poll(&mut self, now: Instant, busy: bool, limits: &Limits) -> Probe {
        let due = match self.state {
            State::Listening => self.due(busy, limits),
            State::Probing { since } => {
                let dead = since + self.round_trip.patience(limits);
                if now >= dead {
                    return Probe::Dead(now - since);
                }
                return Probe::Wait(dead);
            }
        };
        if now < due {
            return Probe::Wait(due);
        }
        self.state = State::Probing { since: now };
        if self.pinged.is_some() {
            // The answer to the last ping is still out: a second one would make it unclear which of them deadlines
            // count from.
            return Probe::Wait(self.next(busy, limits));
        }
        self.last_ping = now;
        self.pings += 1;
        self.pinged = Some((self.pings, now));
        Probe::Ping(self.pings)
    }

    /// The time of the next probe or verdict, for the timer.
    #[inline]
    pub(crate) fn next(&self, busy: bool, limits: &Limits) -> Instant {
        match self.state {
            State::Listening => self.due(busy, limits),
            State::Probing { since } => since + self.round_trip.patience(limits),
        }
    }

    #[inline]
    fn due(&self, busy: bool, limits: &Limits) -> Instant {
        let silent = match busy {
            true => self.heard.max(self.waiting) + limits.probe_after,
            false => self.heard + limits.keep_alive,
        };
        self.every.map_or(silent, |every| silent.min(self.last_ping + every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u32) -> Instant {
        Instant(0) + MS * ms
    }

    #[test]
    fn a_silent_connection_with_calls_is_probed_and_found_dead() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        watch.measured(MS);
        assert_eq!(watch.poll(at(0), true, &limits), Probe::Wait(at(1000)));
        assert_eq!(watch.poll(at(1000), true, &limits), Probe::Ping(1));
        assert_eq!(watch.poll(at(1399), true, &limits), Probe::Wait(at(1400)));
        assert_eq!(watch.poll(at(1400), true, &limits), Probe::Dead(400 * MS));
    }

    #[test]
    fn any_byte_ends_the_suspicion() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        assert_eq!(watch.poll(at(1000), true, &limits), Probe::Ping(1));
        watch.heard(at(1100));
        assert_eq!(watch.poll(at(1100), true, &limits), Probe::Wait(at(2100)));
    }

    #[test]
    fn an_idle_connection_is_probed_every_keep_alive() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        assert_eq!(watch.poll(at(29_999), false, &limits), Probe::Wait(at(30_000)));
        assert_eq!(watch.poll(at(30_000), false, &limits), Probe::Ping(1));
        watch.heard(at(30_010));
        assert_eq!(watch.ponged(at(30_010), 1), Some(at(30_000)));
        assert_eq!(watch.poll(at(60_010), false, &limits), Probe::Ping(2));
    }

    #[test]
    fn a_slow_line_is_given_more_time() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        for _ in 0..50 {
            watch.measured(900 * MS);
        }
        watch.poll(at(1000), true, &limits);
        assert!(matches!(watch.poll(at(1400), true, &limits), Probe::Wait(_)));
        assert!(matches!(watch.poll(at(2000), true, &limits), Probe::Dead(_)));
    }

    #[test]
    fn there_is_one_ping_at_a_time() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        assert_eq!(watch.poll(at(1000), true, &limits), Probe::Ping(1));
        watch.heard(at(1100)); // a reply that was on its way, not the Pong
        assert!(matches!(watch.poll(at(2100), true, &limits), Probe::Wait(_)), "no second ping");
        assert!(matches!(watch.poll(at(3100), true, &limits), Probe::Dead(_)), "but silence is silence");
    }

    #[test]
    fn the_first_estimate_is_that_of_rfc_6298() {
        let mut round_trip = RoundTrip::default();
        round_trip.measure(200 * MS);
        assert_eq!((round_trip.smoothed, round_trip.variation), (200 * MS, 100 * MS));
        round_trip.measure(280 * MS);
        assert_eq!((round_trip.smoothed, round_trip.variation), (210 * MS, 95 * MS));
    }
}
