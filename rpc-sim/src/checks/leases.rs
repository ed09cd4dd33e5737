//! A session outlives its last connection by its lease, of time that its server was awake.

use crate::journal::SessionKey;
use crate::world::World;

/// The part of a lease that a pause, or a jump of the clock, may take off: two periods of sixteen. And one more, for timers.
const PAUSE_COSTS: u32 = 5;

impl World {
    /// A session is over.
    pub(crate) fn check_lease(&mut self, key: &SessionKey) {
        let (now, lease) = (self.now, self.plan.lease);
        let disturbed = self.servers[key.server].disturbed;
        let Some(host) = self.session(key) else { return };
        let Some((since, before)) = host.detached.filter(|_| !host.closed) else { return };
        let awake = (now - since).saturating_sub(disturbed.slept.saturating_sub(before.slept));
        // One may have been under way.
        let pauses = disturbed.times - before.times + u32::from(before.times > 0);
        let least = lease.saturating_sub(lease / PAUSE_COSTS * pauses).mul_f64(0.98);
        if awake < least {
            let what = format!("{key} ends after {awake:?} awake, {pauses} pauses, its lease is {lease:?}");
            self.violate("leases-last", what);
        }
    }
}
