//! What befalls each connection, drawn from a seed: the same seed draws the same faults, though the calls that they hit
//! depend on how fast the processes run.

use std::time::Duration;

/// What goes wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both directions end at once, wherever in a frame that is.
    Cut,
    /// The client loses the connection; what it had sent arrives when it has long connected again.
    LateRequests,
    /// Requests still arrive for a while, what the office answers does not; then the connection ends.
    LostReplies,
    /// Nothing passes for a while; then the connection goes on, until its next fault.
    BlackHole,
}

impl Fault {
    pub(crate) const ALL: [Fault; 4] =
        [Fault::Cut, Fault::LateRequests, Fault::LostReplies, Fault::BlackHole];
}

/// How long all goes well, and what comes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) fault: Fault,
    /// The fault comes behind so many bytes of requests, so many of replies, or so much time, whichever is first.
    pub(crate) requests: usize,
    pub(crate) replies: usize,
    pub(crate) time: Duration,
    /// How long what is late is late, what is lost is lost, and what is held up is held up.
    pub(crate) pause: Duration,
}

/// Draws the fates of one connection, one after the other.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, connection: u64) -> Dice {
        let mut dice = Dice(seed);
        dice.0 = dice.throw() ^ connection;
        dice
    }

    pub(crate) fn fate(&mut self) -> Fate {
        Fate {
            fault: Fault::ALL[self.below(4) as usize],
            requests: self.below(8_000) as usize,
            replies: self.below(8_000) as usize,
            time: Duration::from_millis(20 + self.below(280)),
            pause: Duration::from_millis(20 + self.below(380)),
        }
    }

    fn below(&mut self, most: u64) -> u64 {
        self.throw() % most
    }

    /// SplitMix64.
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64, connection: u64) -> Vec<Fate> {
        let mut dice = Dice::new(seed, connection);
        (0..100).map(|_| dice.fate()).collect()
    }

    #[test]
    fn a_seed_and_a_connection_name_their_faults() {
        assert_eq!(fates(1, 1), fates(1, 1));
        assert_ne!(fates(1, 1), fates(1, 2));
        assert_ne!(fates(1, 1), fates(2, 1));
    }

    #[test]
    fn every_fault_is_drawn() {
        for fault in Fault::ALL {
            assert!(fates(1, 1).iter().any(|fate| fate.fault == fault), "{fault:?}");
        }
    }
}
