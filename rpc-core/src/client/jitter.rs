//! What spreads the redials and retries of many clients. Nothing else depends on it.

use std::time::Duration;

/// A number in 0..1 (xorshift64*, Vigna 2016). The state is never zero.
pub(super) fn fraction(state: &mut u64) -> f64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
}

/// A time below `most`, each alike.
pub(super) fn below(most: Duration, state: &mut u64) -> Duration {
    most.mul_f64(fraction(state))
}
