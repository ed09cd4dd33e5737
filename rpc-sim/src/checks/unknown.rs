//! A call that ended as unknown ran once or never; and when its client says later what became of it, that is true and stays
//! true.

use crate::coverage::{Fault, Row};
use crate::hall;
use crate::journal::{Call, End};
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::client::Outcome;
use rpc_core::{Execution, RequestId};
use xxhash_rust::xxh3::xxh3_64;

impl World {
    /// A client says that it is known now what became of a call.
    pub(crate) fn settled(&mut self, client: usize, id: RequestId) {
        let now = self.client_now(client);
        let outcome = self.clients[client].engine.outcome(now, id);
        let Some(tag) = self.clients[client].unknown.remove(&id) else { return };
        tell!(self, Host::Client(client), "call {tag} is settled: {outcome:?}");
        self.trace.event(self.now, 5, u64::from(tag));
        let now = self.now;
        let Some(call) = self.journal.call(tag) else { return };
        if let Outcome::Pending = outcome {
            return self.violate("settled", format!("call {tag} is settled and pending"));
        }
        let final_word = matches!(outcome, Outcome::NotExecuted | Outcome::Unknown { settled: true });
        call.settled = final_word.then_some(now);
        call.outcome = Some(outcome.execution());
        if let Some((check, what)) = untrue(tag, call, &outcome) {
            self.violate(check, what);
        }
        match outcome {
            Outcome::NotExecuted => self.coverage.met(Row::DeadlineFenced),
            Outcome::Executed(Some(_)) => self.coverage.met(Row::DeadlineExecuted),
            Outcome::Executed(None) => {
                self.check_cause_of_loss(tag);
                self.coverage.met(Row::ReplyEvicted);
            }
            Outcome::Unknown { settled: true } => self.coverage.met(Row::LeaseEnded),
            Outcome::Unknown { settled: false } => self.coverage.met(Row::ServerRestarted),
            _ => {}
        }
    }

    /// A reply is lost only where there is little room for replies.
    pub(crate) fn check_cause_of_loss(&mut self, tag: u32) {
        if !self.plan.has(Fault::Forgetful) {
            self.violate("replies-are-kept", format!("the reply of call {tag} is gone, and there was room"));
        }
    }

    /// Once all is healed and at rest, nothing is left that may still become certain.
    pub(crate) fn check_unsettled(&mut self) {
        for client in 0..self.clients.len() {
            let now = self.client_now(client);
            let unknown = self.clients[client].unknown.clone();
            for (id, tag) in unknown {
                let outcome = self.clients[client].engine.outcome(now, id);
                if let Outcome::Pending = outcome {
                    self.violate("settled", format!("call {tag} ({id}) is still pending at c{client}"));
                }
            }
        }
    }
}

/// What speaks against the outcome.
fn untrue(tag: u32, call: &Call, outcome: &Outcome) -> Option<(&'static str, String)> {
    let Call { starts, ends, idempotent, .. } = call;
    let ran = format!("started {starts} times, ended {ends} times: {outcome:?}");
    match outcome {
        Outcome::NotExecuted if *starts > 0 => Some(("settled", format!("call {tag} never ran, but {ran}"))),
        Outcome::Executed(_) | Outcome::Failed(_) if !idempotent && (*starts, *ends) != (1, 1) => {
            Some(("settled", format!("call {tag} ran once, but {ran}")))
        }
        Outcome::Executed(Some(reply)) => {
            let payload = reply.payload.as_slice();
            let owner = hall::tag_of(payload);
            if owner != Some(tag) {
                return Some((
                    "reply-of-another-call",
                    format!("the outcome of call {tag} is that of {owner:?}"),
                ));
            }
            let known = matches!(call.end, Some((_, End::Failed(Execution::Unknown)))) || call.dropped;
            let same = call.result.is_none_or(|hash| hash == xxh3_64(payload));
            (!known || !same)
                .then(|| ("settled", format!("call {tag}: another result than the wire had: {ran}")))
        }
        _ => None,
    }
}
