//! Is the peer still there? Silence is probed by pings; how long to wait for the answer follows the measured round trip.

use crate::limits::{CHUNK_LEN, Limits, TRANSMIT_LEN};
use crate::time::Instant;
use std::time::Duration;

/// A server pings a connection that is never silent too. The answer sets connection time anew: what the answer to the
/// handshake lost on a slow way is taken from every deadline until then, and a deadline has 32 bits of milliseconds.
const SERVER_PINGS_EVERY: Duration = Duration::from_secs(60);

/// What a KiB may take on its way, as long as nothing else was measured, and at most: a line carries at least 16 KiB a second. A ping
/// waits behind everything that was handed out before it, wherever that is: in the driver, in the system's buffers, on the line.
const NANOS_A_KIB_MAX: u64 = 1_000_000_000 / 16;

/// A line may become so many times slower than it was measured last before it is taken for dead.
const CAUTION: u64 = 8;

/// Fewer bytes tell how far the peer is, not what the line carries.
const MEASURED_MIN: u64 = CHUNK_LEN as u64;

/// When so many bytes are on their way, a ping goes with them to tell when they have arrived.
const MEASURED_FROM: u64 = TRANSMIT_LEN as u64;

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
///            silent for too long           any bytes, or a full stream takes more
/// Listening ---------------------> Probing ---------------------------------------> Listening
///                                     | nothing within the patience
///                                     v
///                                   dead
/// ```
#[derive(Clone, Copy, Debug)]
enum State {
    Listening,
    /// `since`: when what was handed out before the ping is through, from when on the answer is waited for.
    Probing {
        asked: Instant,
        since: Instant,
    },
}

/// A ping whose answer is out.
#[derive(Clone, Copy, Debug)]
struct Pinged {
    number: u64,
    sent: Instant,
    /// Bytes that were handed out before it.
    behind: u64,
    /// It had to wait for nothing, so that its answer measures the round trip.
    alone: bool,
}

/// One end's watch over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    state: State,
    heard: Instant,
    /// When somebody began to wait: silence before that means nothing.
    waiting: Instant,
    last_ping: Instant,
    /// The server's end: its pings set connection time anew, so it pings even if the peer is not silent.
    on_server: bool,
    pinged: Option<Pinged>,
    pings: u64,
    /// When bytes were handed out last.
    handed: Instant,
    /// How many bytes of the stream the peer is known to have, or must have by now.
    arrived: u64,
    /// The bytes behind so many were handed out at this time or later: from here on is measured what the line carries.
    mark: (u64, Instant),
    /// What a KiB is given to arrive: what it took when that was last measured, with [`CAUTION`].
    nanos_a_kib: u64,
    round_trip: RoundTrip,
}

impl Liveness {
    pub(crate) fn starting(now: Instant) -> Self {
        Self {
            state: State::Listening,
            heard: now,
            waiting: now,
            last_ping: now,
            on_server: false,
            pinged: None,
            pings: 0,
            handed: now,
            arrived: 0,
            mark: (0, now),
            nanos_a_kib: NANOS_A_KIB_MAX,
            round_trip: RoundTrip::default(),
        }
    }

    /// The server's end.
    pub(crate) fn starting_on_server(now: Instant) -> Self {
        Self { on_server: true, ..Self::starting(now) }
    }

    /// The round trip of the handshake counts as the first measurement.
    pub(crate) fn measured(&mut self, sample: Duration) {
        self.round_trip.measure(sample);
    }

    /// Bytes have come, whatever they are, or a stream that was full has taken more: the peer lives.
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

    /// More bytes are handed out, after so many.
    #[inline]
    pub(crate) fn handed_out(&mut self, now: Instant, before: u64) {
        if now >= self.through(before, NANOS_A_KIB_MAX, Duration::MAX) {
            self.arrived = before;
        }
        if before <= self.arrived {
            self.mark = (before, now);
        }
        self.handed = now;
    }

    /// The number of a ping that is to be sent now, with so much on its way that it is worth to know when that arrives: else a
    /// peer that dies in the middle of a large message would be waited for as on the slowest line that there may be.
    ///
    /// For a client alone: a ping of a server's sets connection time anew, and one that waits behind so many bytes would cost
    /// every deadline the time that they take.
    pub(crate) fn measure(&mut self, now: Instant, handed_out: u64) -> Option<u64> {
        let due = self.pinged.is_none() && handed_out.saturating_sub(self.arrived) >= MEASURED_FROM;
        due.then(|| self.ping(now, handed_out, false))
    }

    fn ping(&mut self, now: Instant, behind: u64, alone: bool) -> u64 {
        self.last_ping = now;
        self.pings += 1;
        self.pinged = Some(Pinged { number: self.pings, sent: now, behind, alone });
        self.pings
    }

    /// What was handed out between the mark and a ping has arrived, and took no longer than from the mark until now. So the line is
    /// never taken to be better than it was, but at times to be worse: when there was little to send, or the peer took its time.
    fn learn(&mut self, now: Instant, pinged: &Pinged) {
        let (before, since) = std::mem::replace(&mut self.mark, (pinged.behind, pinged.sent));
        let bytes = pinged.behind.saturating_sub(before);
        if bytes >= MEASURED_MIN {
            let took = u64::try_from((now - since).as_nanos()).unwrap_or(u64::MAX);
            let a_kib = took.saturating_mul(CAUTION) / (bytes >> 10);
            self.nanos_a_kib = a_kib.min(NANOS_A_KIB_MAX);
        }
    }

    /// The peer has so many bytes of the stream.
    #[inline]
    pub(crate) fn arrived(&mut self, bytes: u64) {
        self.arrived = self.arrived.max(bytes);
    }

    /// When so many bytes, all that were handed out, have arrived at the latest, if a KiB takes so long, and it is not to be
    /// waited longer for them than `most`.
    #[inline]
    fn through(&self, handed_out: u64, nanos_a_kib: u64, most: Duration) -> Instant {
        let on_the_way = handed_out.saturating_sub(self.arrived);
        let takes = Duration::from_nanos(on_the_way.saturating_mul(nanos_a_kib) >> 10);
        self.heard.max(self.handed) + takes.min(most)
    }

    /// When the ping with this number was sent, if it is the one that is waited for.
    pub(crate) fn ponged(&mut self, now: Instant, number: u64) -> Option<Instant> {
        let pinged = self.pinged.take_if(|pinged| pinged.number == number)?;
        self.learn(now, &pinged);
        self.arrived(pinged.behind);
        if pinged.alone {
            self.round_trip.measure(now - pinged.sent);
        }
        Some(pinged.sent)
    }

    /// `busy`: somebody waits for the peer, so that silence is noticed soon. `handed_out`: bytes of the stream so far.
    pub(crate) fn poll(&mut self, now: Instant, busy: bool, handed_out: u64, limits: &Limits) -> Probe {
        let due = match self.state {
            State::Listening => self.due(busy, limits),
            State::Probing { asked, since } => {
                let dead = since + self.round_trip.patience(limits);
                if now >= dead {
                    return Probe::Dead(now - asked);
                }
                return Probe::Wait(dead);
            }
        };
        if now < due {
            return Probe::Wait(due);
        }
        // Not without end, or a peer that takes nothing were never found dead.
        let through = self.through(handed_out, self.nanos_a_kib, limits.keep_alive);
        self.state = State::Probing { asked: now, since: now.max(through) };
        if self.pinged.is_some() {
            // The answer to the last ping is still out: a second one would make it unclear which of them deadlines
            // count from.
            return Probe::Wait(self.next(busy, limits));
        }
        Probe::Ping(self.ping(now, handed_out, through <= now))
    }

    /// The time of the next probe or verdict, for the timer.
    #[inline]
    pub(crate) fn next(&self, busy: bool, limits: &Limits) -> Instant {
        match self.state {
            State::Listening => self.due(busy, limits),
            State::Probing { since, .. } => since + self.round_trip.patience(limits),
        }
    }

    #[inline]
    fn due(&self, busy: bool, limits: &Limits) -> Instant {
        let silent = match busy {
            true => self.heard.max(self.waiting) + limits.probe_after,
            false => self.heard + limits.keep_alive,
        };
        // While an answer is out no further ping is sent, so that only silence matters.
        match self.on_server && self.pinged.is_none() {
            true => silent.min(self.last_ping + SERVER_PINGS_EVERY),
            false => silent,
        }
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
        assert_eq!(watch.poll(at(0), true, 0, &limits), Probe::Wait(at(1000)));
        assert_eq!(watch.poll(at(1000), true, 0, &limits), Probe::Ping(1));
        assert_eq!(watch.poll(at(1399), true, 0, &limits), Probe::Wait(at(1400)));
        assert_eq!(watch.poll(at(1400), true, 0, &limits), Probe::Dead(400 * MS));
    }

    #[test]
    fn any_byte_ends_the_suspicion() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        assert_eq!(watch.poll(at(1000), true, 0, &limits), Probe::Ping(1));
        watch.heard(at(1100));
        assert_eq!(watch.poll(at(1100), true, 0, &limits), Probe::Wait(at(2100)));
    }

    #[test]
    fn an_idle_connection_is_probed_every_keep_alive() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        assert_eq!(watch.poll(at(29_999), false, 0, &limits), Probe::Wait(at(30_000)));
        assert_eq!(watch.poll(at(30_000), false, 0, &limits), Probe::Ping(1));
        watch.heard(at(30_010));
        assert_eq!(watch.ponged(at(30_010), 1), Some(at(30_000)));
        assert_eq!(watch.poll(at(60_010), false, 0, &limits), Probe::Ping(2));
    }

    #[test]
    fn a_slow_line_is_given_more_time() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        for _ in 0..50 {
            watch.measured(900 * MS);
        }
        watch.poll(at(1000), true, 0, &limits);
        assert!(matches!(watch.poll(at(1400), true, 0, &limits), Probe::Wait(_)));
        assert!(matches!(watch.poll(at(2000), true, 0, &limits), Probe::Dead(_)));
    }

    #[test]
    fn bytes_of_a_peer_that_owes_an_answer_make_no_timer_due() {
        let limits = Limits::default();
        let mut watch = Liveness::starting_on_server(at(0));
        watch.heard(at(59_000));
        assert_eq!(watch.poll(at(60_000), false, 0, &limits), Probe::Ping(1));
        watch.heard(at(200_000));
        assert_eq!(watch.next(false, &limits), at(230_000));
        assert_eq!(watch.poll(at(230_000), false, 0, &limits), Probe::Wait(at(231_000)), "no second ping");
        assert!(matches!(watch.poll(at(231_000), false, 0, &limits), Probe::Dead(_)));
    }

    #[test]
    fn there_is_one_ping_at_a_time() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        assert_eq!(watch.poll(at(1000), true, 0, &limits), Probe::Ping(1));
        watch.heard(at(1100)); // a reply that was on its way, not the Pong
        assert!(matches!(watch.poll(at(2100), true, 0, &limits), Probe::Wait(_)), "no second ping");
        assert!(matches!(watch.poll(at(3100), true, 0, &limits), Probe::Dead(_)), "but silence is silence");
    }

    #[test]
    fn the_first_estimate_is_that_of_rfc_6298() {
        let mut round_trip = RoundTrip::default();
        round_trip.measure(200 * MS);
        assert_eq!((round_trip.smoothed, round_trip.variation), (200 * MS, 100 * MS));
        round_trip.measure(280 * MS);
        assert_eq!((round_trip.smoothed, round_trip.variation), (210 * MS, 95 * MS));
    }

    #[test]
    fn an_answer_is_waited_for_from_when_the_bytes_before_the_ping_are_through() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        watch.measured(MS);
        watch.handed_out(at(500), 0);
        assert_eq!(watch.poll(at(1000), true, 64 << 10, &limits), Probe::Ping(1));
        let Probe::Wait(until) = watch.poll(at(4000), true, 64 << 10, &limits) else { panic!("too early") };
        assert_eq!(until.millis_since(at(0)), 500 + 4000 + 400);
        assert!(matches!(watch.poll(until, true, 64 << 10, &limits), Probe::Dead(_)));
    }

    #[test]
    fn the_longest_wait_for_what_was_handed_out_is_a_keep_alive() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        watch.measured(MS);
        assert_eq!(watch.poll(at(1000), true, 1 << 30, &limits), Probe::Ping(1));
        assert_eq!(watch.poll(at(30_399), true, 1 << 30, &limits), Probe::Wait(at(30_400)));
        assert_eq!(watch.poll(at(30_400), true, 1 << 30, &limits), Probe::Dead(29_400 * MS));
    }

    #[test]
    fn what_has_arrived_is_waited_for_no_more() {
        for known in [true, false] {
            let limits = Limits::default();
            let mut watch = Liveness::starting(at(0));
            watch.measured(MS);
            watch.handed_out(at(0), 0);
            // Either an answer says that it has arrived, or so much time has passed that it must have.
            let later = if known { 100 } else { 4000 };
            if known {
                watch.arrived(64 << 10);
                watch.heard(at(later));
            }
            watch.handed_out(at(later), 64 << 10);
            assert_eq!(watch.poll(at(later + 1000), true, (64 << 10) + 100, &limits), Probe::Ping(1));
            let verdict = watch.poll(at(later + 1400), true, (64 << 10) + 100, &limits);
            assert_eq!(verdict, Probe::Dead(400 * MS));
        }
    }

    /// A watch that has seen 256 KiB, and the ping with them, arrive within so many milliseconds.
    fn measured_at(took: u32) -> Liveness {
        let mut watch = Liveness::starting(at(0));
        watch.measured(MS);
        watch.handed_out(at(100), 0);
        assert_eq!(watch.measure(at(100), 256 << 10), Some(1));
        watch.heard(at(100 + took));
        assert_eq!(watch.ponged(at(100 + took), 1), Some(at(100)));
        watch
    }

    /// When it gives up a peer that takes a further MiB in silence.
    fn dead_after_a_mib(mut watch: Liveness, handed: Instant) -> Duration {
        let limits = Limits::default();
        let all = (256 << 10) + (1 << 20);
        watch.handed_out(handed, 256 << 10);
        let mut now = handed;
        loop {
            match watch.poll(now, true, all, &limits) {
                Probe::Wait(until) => now = until,
                Probe::Ping(_) => {}
                Probe::Dead(_) => return now - handed,
            }
        }
    }

    #[test]
    fn what_a_line_has_carried_decides_how_long_a_peer_is_waited_for() {
        // 25 MiB a second: eight times as long as a MiB takes are 320 ms, less than the silence before a probe.
        assert_eq!(dead_after_a_mib(measured_at(10), at(110)), 1400 * MS);
        // 1 MiB a second.
        assert_eq!(dead_after_a_mib(measured_at(250), at(350)), 8400 * MS);
        // 100 KiB a second are too little to be reckoned with eight times: it is as if nothing had been measured.
        assert_eq!(dead_after_a_mib(measured_at(2560), at(2660)), 30_400 * MS);
    }

    #[test]
    fn little_that_arrives_soon_says_nothing_about_the_line() {
        let mut watch = Liveness::starting(at(0));
        watch.measured(MS);
        watch.handed_out(at(900), 0);
        assert_eq!(watch.poll(at(1000), true, 60 << 10, &Limits::default()), Probe::Ping(1));
        watch.heard(at(1001));
        assert!(watch.ponged(at(1001), 1).is_some());
        assert_eq!(watch.nanos_a_kib, NANOS_A_KIB_MAX);
    }

    #[test]
    fn there_is_one_measuring_ping_at_a_time_and_none_for_little() {
        let mut watch = Liveness::starting(at(0));
        watch.handed_out(at(1), 0);
        assert_eq!(watch.measure(at(1), (128 << 10) - 1), None);
        assert_eq!(watch.measure(at(1), 128 << 10), Some(1));
        assert_eq!(watch.measure(at(2), 1 << 20), None);
        assert!(watch.ponged(at(9), 1).is_some());
        assert_eq!(watch.measure(at(9), 1 << 20), Some(2), "896 KiB are on their way");
    }

    #[test]
    fn what_waited_to_be_sent_before_is_not_taken_for_the_lines_pace() {
        let mut watch = measured_at(10);
        // All has arrived; then nothing is sent for a minute.
        watch.arrived(256 << 10);
        watch.handed_out(at(60_000), 256 << 10);
        assert_eq!(watch.measure(at(60_000), 512 << 10), Some(2));
        watch.heard(at(60_010));
        assert!(watch.ponged(at(60_010), 2).is_some());
        assert_eq!(watch.nanos_a_kib, 8 * 10_000_000 / 256);
    }

    #[test]
    fn a_ping_that_had_to_wait_measures_nothing() {
        let limits = Limits::default();
        let mut watch = Liveness::starting(at(0));
        watch.measured(MS);
        watch.poll(at(1000), true, 128 << 10, &limits);
        watch.heard(at(8000));
        assert!(watch.ponged(at(8000), 1).is_some());
        assert_eq!(watch.round_trip.smoothed, MS);
    }
}
