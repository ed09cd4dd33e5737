//! Retries add little to the load, wait as long as they were asked to, and none comes behind its call's deadline.

use crate::coverage::Row;
use crate::journal::Refusal;
use crate::world::World;
use std::time::Duration;

/// The window of the budget: what was not used up in it before may come on top.
const WINDOW: u64 = 10;

impl World {
    /// A call is written under another id than before.
    pub(crate) fn check_retry(&mut self, tag: u32, client: usize, refusal: Option<Refusal>) {
        let now = self.client_now(client);
        let host = &mut self.clients[client];
        host.retries += 1;
        host.retried = now - host.start;
        let Some(Refusal { when, retry_after }) = refusal else { return };
        self.coverage.met(Row::Refused);
        if retry_after.is_zero() {
            return;
        }
        // Its clock may run a little faster.
        let waited = self.now - when;
        let least = retry_after.mul_f64(0.97);
        if waited < least && self.clients[client].disturbed < when {
            self.violate(
                "retry-after",
                format!("call {tag} is tried again after {waited:?}, not {retry_after:?}"),
            );
        }
        self.coverage.met(Row::RetryAfter);
    }

    /// A call has as many ids as attempts, at most.
    pub(crate) fn check_attempts(&mut self, tag: u32) {
        let most = usize::from(self.plan.client.retry.attempts);
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        let are = call.ids.len();
        if are > most {
            self.violate("attempts", format!("call {tag} has {are} ids, at most {most} attempts"));
        }
    }

    /// A request is written, for the first time or again.
    pub(crate) fn check_written_in_time(&mut self, tag: u32, client: usize) {
        let now = self.client_now(client);
        let step = self.plan.timer_slack * 2 + self.plan.turn_after + Duration::from_micros(10);
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        let host = &self.clients[client];
        if now > call.deadline.max(host.clock.local(host.disturbed)) + step {
            let late = now - call.deadline;
            self.violate("written-in-time", format!("call {tag} is written {late:?} after its deadline"));
        }
    }

    /// Looks at all calls of each client.
    pub(crate) fn check_retries(&mut self) {
        let retry = &self.plan.client.retry;
        let (percent, a_second) = (u64::from(retry.percent), u64::from(retry.a_second));
        for client in 0..self.clients.len() {
            let calls = self.journal.calls.iter().filter(|call| call.client == client).count() as u64;
            let seconds = self.clients[client].retried.as_secs() + WINDOW + 1;
            let most = calls * percent / 100 + a_second * seconds;
            let are = self.clients[client].retries;
            if are > most {
                self.violate(
                    "retries",
                    format!("c{client} has retried {are} times, at most {most} are allowed"),
                );
            }
        }
    }
}
