//! No call ends later than its deadline, but for the step of the timer and what its host slept through.

use crate::world::World;
use std::time::Duration;

impl World {
    /// A call ends now.
    pub(crate) fn check_deadline(&mut self, client: usize, tag: u32) {
        let now = self.client_now(client);
        let step = self.plan.timer_slack * 2 + Duration::from_micros(10);
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        let host = &self.clients[client];
        let woken = host.clock.local(host.disturbed);
        if now > call.deadline.max(woken) + step {
            let late = now - call.deadline;
            self.violate("deadline", format!("call {tag} ends {late:?} late"));
        }
    }
}
