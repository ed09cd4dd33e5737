//! What is drawn from the seed.

use std::ops::Range;
use std::time::Duration;

/// SplitMix64. The same seed and the same stream draw the same.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, stream: u64) -> Dice {
        let mut dice = Dice(seed);
        dice.0 = dice.throw() ^ stream;
        dice
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.throw() % most
    }

    pub(crate) fn time(&mut self, range: Range<Duration>) -> Duration {
        let micros = (range.end - range.start).as_micros() as u64;
        range.start + Duration::from_micros(self.below(micros))
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
