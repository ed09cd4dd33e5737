//! A call that ended as unknown ran once or never; and when its client says later what became of it, that is true and stays
//! true.

use crate::coverage::{Fault, Row};
use crate::hall;
use crate::journal::{Call, End};
use crate::network::Wire;
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::client::Outcome;
use rpc_core::{Error, Execution, Instant, RequestId};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// In which an answer arrives on a connection that works.
const ANSWERED: Duration = Duration::from_secs(1);

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

    /// A call ends for want of an answer: was everything done for it that could be?
    pub(crate) fn check_cause(&mut self, tag: u32, error: &Error) {
        if matches!(error, Error::ConnectionLost { .. }) {
            self.check_lost(tag, error);
        }
        if matches!(error, Error::DeadlineExceeded { .. }) {
            self.check_answered(tag, error);
            self.check_copied(tag, error);
        }
    }

    /// Whether nothing has held a connection and its hosts up for as long as an answer may take.
    fn works(&self, wire: &Wire) -> bool {
        let then = Instant(self.now.0.saturating_sub(ANSWERED.as_nanos() as u64));
        let hosts = self.clients[wire.client].disturbed <= then && self.servers[wire.server].paused <= then;
        let flows = wire.up.flows_since(then) && wire.down.flows_since(then);
        hosts && flows && wire.client_open && wire.server_open() && !wire.corrupted
    }

    /// A call is given up with its connection only if its session is gone, or may be for all that its client knows.
    fn check_lost(&mut self, tag: u32, error: &Error) {
        // A clock that jumps ends leases, a host that stands still hears late, another server knows nothing of the session.
        if [Fault::Clock, Fault::Pause, Fault::Elsewhere].iter().any(|fault| self.plan.has(*fault)) {
            return;
        }
        let call = self.journal.calls.get(tag as usize).filter(|call| !call.idempotent);
        let Some(call) = call else { return };
        let (Some((key, _)), Some((_, copied))) = (call.ids.last().copied(), call.copied) else { return };
        if self.forged.contains(&key) || self.now - copied >= self.plan.lease / 2 {
            return;
        }
        if self.session(&key).is_some_and(|host| !host.gone && !host.closed) {
            self.violate("unknown-has-a-cause", format!("call {tag}: {key} lives: {error}"));
        }
    }

    /// A copy of the request was written to the connection that its session has.
    fn check_copied(&mut self, tag: u32, error: &Error) {
        let call = self.journal.calls.get(tag as usize).filter(|call| !call.idempotent);
        let Some(call) = call else { return };
        let (Some((session, _)), Some((copied, _))) = (call.ids.last(), call.copied) else { return };
        let then = Instant(self.now.0.saturating_sub(ANSWERED.as_nanos() as u64));
        let since = |wire: &Wire| wire.session == Some(*session) && wire.welcomed.is_some_and(|at| at < then);
        let newer = self.wires.iter().find(|(id, wire)| **id > copied && since(wire) && self.works(wire));
        if let Some((id, _)) = newer {
            let what = format!("call {tag} was written to {copied} last, but its session has {id}: {error}");
            self.violate("copies-are-written", what);
        }
    }

    /// A call that ends for want of an answer has no answer on its way: its handler has ended, and the connection that it was
    /// written to works, and all of that for a while.
    fn check_answered(&mut self, tag: u32, error: &Error) {
        let call = self.journal.calls.get(tag as usize).filter(|call| !call.idempotent);
        let Some(call) = call else { return };
        let (Some(done), Some((wire, copied))) = (call.done, call.copied) else { return };
        let then = Instant(self.now.0.saturating_sub(ANSWERED.as_nanos() as u64));
        let works = self.wires.get(&wire).is_some_and(|wire| self.works(wire));
        if works && done.max(copied) < then {
            let what = format!("call {tag} was done at {done:?} and written at {copied:?}: {error}");
            self.violate("answers-arrive", what);
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
                } else {
                    self.violate(
                        "settled",
                        format!("call {tag} ({id}) is settled, which c{client} never said"),
                    );
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
            let hash = xxh3_64(payload);
            let same = call.result.is_none_or(|result| result == hash) && call.results.contains(&hash);
            (!known || !same)
                .then(|| ("settled", format!("call {tag}: another result than its handler had: {ran}")))
        }
        _ => None,
    }
}
