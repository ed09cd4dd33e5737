//! Connection time: deadlines as milliseconds since a moment that both ends know, so that clocks need not agree.

use crate::time::Instant;

/// The moment that deadlines on one connection are counted from.
///
/// It is set when the answer to the handshake is sent and received, and set again by the server's pings: from the `Pong`
/// on, in stream order, the client counts from its receipt of the `Ping` and the server from its sending. The server's
/// moment is the earlier one, so a request is refused rather too early than too late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionTime {
    origin: Instant,
}

impl ConnectionTime {
    pub(crate) fn starting(origin: Instant) -> Self {
        Self { origin }
    }

    /// For the wire: whole milliseconds, rounded up so that a budget below a millisecond is not zero.
    #[inline]
    pub(crate) fn to_wire(self, deadline: Instant) -> u32 {
        let nanos = deadline.0.saturating_sub(self.origin.0);
        u32::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn instant(self, millis: u32) -> Instant {
        Instant(self.origin.0.saturating_add(u64::from(millis) * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_deadline_arrives_earlier_by_the_time_the_welcome_took() {
        let server = ConnectionTime::starting(Instant(0));
        let client = ConnectionTime::starting(Instant(0) + Duration::from_millis(3));
        let deadline = Instant(0) + Duration::from_millis(503);
        let there = server.instant(client.to_wire(deadline));
        assert_eq!(deadline - there, Duration::from_millis(3));
    }

    #[test]
    fn a_deadline_that_is_over_is_zero_and_a_distant_one_saturates() {
        let time = ConnectionTime::starting(Instant(5_000_000));
        assert_eq!(time.to_wire(Instant(1)), 0);
        assert_eq!(time.to_wire(Instant::NEVER), u32::MAX);
        assert_eq!(time.to_wire(Instant(5_000_001)), 1);
    }
}
