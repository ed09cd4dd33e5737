//! No call ends later than its deadline, but for the step of the timer and what its host slept through.

use crate::coverage::Fault;
use crate::world::World;
use std::time::Duration;

impl World {
    /// A handler is entered: somebody still waits for it. Clocks that are changed meanwhile make that unsure.
    pub(crate) fn check_starts_in_time(&mut self, tag: u32) {
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        let deadline = self.clients[call.client].clock.world(call.deadline);
        // And a frame that comes twice may name another time on another connection.
        let sure =
            !self.replays && ![Fault::Clock, Fault::Duplicate].iter().any(|fault| self.plan.has(*fault));
        if sure && self.now > deadline + Duration::from_millis(1) {
            let late = self.now - deadline;
            self.violate("starts-in-time", format!("call {tag} starts {late:?} after its deadline"));
        }
    }

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
