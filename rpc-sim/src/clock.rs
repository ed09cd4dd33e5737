//! A host's own clock: it starts anywhere, runs a little too fast or too slow, and jumps forward.

use rpc_core::Instant;
use std::time::Duration;

/// Millionths that a clock which is right advances by in a millionth of the world's time.
pub(crate) const TRUE_RATE: u64 = 1_000_000;

/// Straight pieces: from `world` on, `local` grows by `rate` millionths of what the world's time grows by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    world: Instant,
    local: Instant,
    rate: u64,
}

impl Clock {
    /// A clock that shows `local` when the world begins.
    pub(crate) fn starting(local: Instant, rate: u64) -> Self {
        Self { world: Instant(0), local, rate }
    }

    /// What it shows.
    pub(crate) fn local(&self, world: Instant) -> Instant {
        let passed = u128::from(world.0.saturating_sub(self.world.0)) * u128::from(self.rate);
        Instant(self.local.0 + (passed / u128::from(TRUE_RATE)) as u64)
    }

    /// When it shows `local` at the earliest.
    pub(crate) fn world(&self, local: Instant) -> Instant {
        if local == Instant::NEVER {
            return local;
        }
        let ahead = u128::from(local.0.saturating_sub(self.local.0)) * u128::from(TRUE_RATE);
        let passed = ahead.div_ceil(u128::from(self.rate));
        Instant(self.world.0.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// From now on it is later by so much, and runs at this rate.
    pub(crate) fn change(&mut self, world: Instant, jump: Duration, rate: u64) {
        *self = Self { world, local: self.local(world) + jump, rate };
    }

    /// How fast it runs.
    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_again() {
        let mut clock = Clock::starting(Instant(5_000), 1_010_000);
        clock.change(Instant(1_000_000), Duration::from_secs(3), 990_000);
        for local in [3_001_015_001, 3_001_015_002, 9_000_000_000] {
            let world = clock.world(Instant(local));
            assert!(clock.local(world) >= Instant(local));
            assert!(clock.local(Instant(world.0 - 1)) < Instant(local));
        }
    }
}
