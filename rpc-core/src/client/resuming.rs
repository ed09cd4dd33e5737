//! Sessions beyond their connections: resumed, opened anew, left for another, forgotten.

use super::calls::CallState;
use super::link::{Link, Pace};
use super::outcomes::Outcome;
use super::session::{CURRENT, LEFT_MAX, Session};
use super::slots::SlotState;
use super::{BindingId, CallKey, Client, Output};
use crate::error::{Attempts, BindError, Error, Execution};
use crate::frame::CloseCode;
use crate::ids::{RequestId, SlotId};
use crate::schema::Evolution;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

impl Client {
    /// The server still has the session: it goes on where it was, and nothing need be bound again.
    pub(super) fn resumed(&mut self, now: Instant, at: usize) {
        self.stats.resumed += 1;
        let session = &mut self.sessions[at];
        session.lapsed = false;
        match std::mem::replace(&mut session.link, Link::Down(Pace::default())) {
            Link::Greeting(open) => {
                session.identity.clone_from(&open.identity);
                session.link = Link::Ready(open);
            }
            other => session.link = other,
        }
        self.write_again(now, at);
        if at == CURRENT {
            for index in 0..self.bindings.len() {
                if self.bindings[index].is_held() {
                    self.ask(now, BindingId(index as u16));
                }
            }
            // Unless the table of methods was full, and another session is dialled for already.
            if self.sessions[CURRENT].ready().is_some() {
                self.settle_ready(now);
            }
        }
    }

    /// The server has opened a session, and agreed to services: new calls go there. If there was another, it is somewhere
    /// else, and lives on for the calls that were written to it.
    pub(super) fn open_session(&mut self, now: Instant) {
        let link = std::mem::replace(&mut self.sessions[CURRENT].link, Link::Down(Pace::default()));
        let Link::Greeting(open) = link else {
            self.sessions[CURRENT].link = link;
            return;
        };
        let left = self.sessions[CURRENT].identity.is_some();
        if left {
            self.leave(now, Pace::default());
        }
        let session = &mut self.sessions[CURRENT];
        session.identity.clone_from(&open.identity);
        let granted = open.identity.as_ref().map_or(0, |identity| identity.slots);
        session.slots.reset(granted.min(self.config.limits.slots));
        session.link = Link::Ready(open);
        if left {
            self.move_idempotent(now);
            self.tidy(now);
            if self.sessions.len() > CURRENT + 1 {
                self.redial(now, CURRENT + 1);
            }
        }
    }

    /// New calls go to another session from now on, which has no connection yet. What was written to the present one is
    /// answered there. `pace`: when the next one may be dialled for.
    pub(super) fn leave(&mut self, now: Instant, pace: Pace) {
        self.keep_evolved();
        let next = Session::new(self.sessions_made, pace);
        self.sessions_made += 1;
        let left = std::mem::replace(&mut self.sessions[CURRENT], next);
        self.sessions.insert(CURRENT + 1, left);
        if self.sessions.len() > 1 + LEFT_MAX {
            self.end_session(now, 1 + LEFT_MAX, "another session is used", "too many sessions await answers");
        }
        self.tidy(now);
    }

    /// The server of the present session is about to go, and will answer what it was asked: new calls go elsewhere.
    pub(super) fn leave_draining(&mut self, now: Instant, reason: &str) {
        let Link::Ready(open) = &self.sessions[CURRENT].link else { return };
        // A server that has answered is no failure, however many went before it: the pause spreads clients, and does not grow.
        let mut pace = if open.useful { Pace::default() } else { open.pace.clone() };
        let address = open.address.to_string();
        let error = BindError::Interrupted { address, why: format!("the server is going away: {reason}") };
        pace = pace.failed(now, Duration::ZERO, &mut self.jitter, error);
        self.round.pass();
        if mutant!(GoAwayIsVerdict) {
            for (id, slot) in self.sessions[CURRENT].slots.used() {
                if let SlotState::Pending(key) = slot.state {
                    let refused = self.refused_at(CURRENT, id, None);
                    self.sessions[CURRENT].slots.release(now, id.slot);
                    self.not_executed(now, key, refused);
                }
            }
        }
        self.take_back_unwritten(now);
        self.leave(now, pace);
        // What was asked for meanwhile was not asked here, and has its chance on the next connection.
        self.forget_refusals();
        self.want_connection(now);
    }

    /// Replies of the present session are read with what its server has said of its types, whatever the next one says.
    pub(super) fn keep_evolved(&mut self) {
        let session = &mut self.sessions[CURRENT];
        if session.identity.is_some() && session.evolved.is_none() {
            let of = |(index, binding): (usize, &super::Binding)| {
                let id = BindingId(index as u16);
                binding
                    .evolutions()
                    .map(move |(method, evolution)| (id, method, evolution))
                    .collect::<Vec<_>>()
            };
            session.evolved = Some(self.bindings.iter().enumerate().flat_map(of).collect());
        }
    }

    pub(super) fn evolution(&self, at: usize, binding: BindingId, method: u16) -> Option<Arc<Evolution>> {
        let mut kept = self.sessions[at].evolved.iter().flatten();
        match kept.find(|(of, index, _)| *of == binding && *index == method) {
            Some((_, _, evolution)) => Some(evolution.clone()),
            None if at == CURRENT => self.bindings.get(usize::from(binding.0))?.evolution(method).cloned(),
            None => None,
        }
    }

    /// Idempotent calls need not wait until a session that was left has a connection again, once the current one has.
    pub(super) fn move_idempotent(&mut self, now: Instant) {
        if self.sessions[CURRENT].ready().is_none() {
            return;
        }
        for at in CURRENT + 1..self.sessions.len() {
            if self.sessions[at].ready().is_some() {
                continue;
            }
            for (id, slot) in self.sessions[at].slots.used() {
                if let SlotState::Pending(key) = slot.state
                    && self.take_elsewhere(now, key)
                {
                    self.sessions[at].slots.release(now, id.slot);
                }
            }
        }
    }

    /// Whether an idempotent call waits for the connection of a session to come back that could be tried in another one.
    pub(super) fn has_movable(&self) -> bool {
        let down = self.sessions.iter().filter(|session| !matches!(session.link, Link::Ready(_)));
        let keys = down.flat_map(|session| session.slots.used()).filter_map(|(_, slot)| match slot.state {
            SlotState::Pending(key) => self.calls.peek(key),
            _ => None,
        });
        let most = self.config.retry.attempts;
        keys.into_iter().any(|call| call.attempts < most && self.is_idempotent(call.binding, call.method))
    }

    /// An idempotent call that may have been executed is tried in another session, if it may be tried again at all.
    fn take_elsewhere(&mut self, now: Instant, key: CallKey) -> bool {
        let Some(call) = self.calls.get(key) else { return false };
        let (binding, method, attempts) = (call.binding, call.method, call.attempts);
        if self.closed || !self.is_idempotent(binding, method) || !self.may_retry(now, attempts) {
            return false;
        }
        let Some(call) = self.calls.get(key) else { return false };
        (call.state, call.in_doubt) = (CallState::Waiting, true);
        self.stats.retried += 1;
        self.hold_binding_of(key);
        self.waiting.push_back(key);
        true
    }

    /// What no client may do with a call that runs at most once.
    fn write_elsewhere(&mut self, key: CallKey) {
        if let Some(call) = self.calls.get(key) {
            call.state = CallState::Waiting;
            self.waiting.push_back(key);
        }
    }

    /// The session is over, or cannot be had any more. `settled`: its own reply cache has said so, and nothing of it will be
    /// started any more. `why`: what has happened since its last connection was lost, if anything.
    pub(super) fn forget_session(&mut self, now: Instant, at: usize, settled: bool, why: Option<&str>) {
        let settled = settled || mutant!(ForeignSettles);
        for (id, slot) in self.sessions[at].slots.used() {
            match slot.state {
                SlotState::Pending(key) | SlotState::Fencing(key) => {
                    if mutant!(GoneIsNotExecuted) {
                        let refused = self.refused_at(at, id, None);
                        self.not_executed(now, key, refused);
                    } else if mutant!(ResentElsewhere) || (mutant!(ResentInNewSession) && settled) {
                        self.write_elsewhere(key);
                    } else if !self.take_elsewhere(now, key) {
                        self.lose_call(now, at, id, key, settled, why);
                    }
                }
                SlotState::Quarantined(..) => self.settle(at, id, Outcome::Unknown { settled }),
                SlotState::Free => {}
            }
        }
        let session = &mut self.sessions[at];
        session.slots.reset(0);
        session.identity = None;
        (session.over, session.lapsed) = (false, false);
        session.evolved = None;
    }

    /// Nobody can say any more whether the call ran.
    fn lose_call(
        &mut self,
        now: Instant,
        at: usize,
        id: SlotId,
        key: CallKey,
        settled: bool,
        why: Option<&str>,
    ) {
        let session = &self.sessions[at];
        let (server, request_id) = (session.server(), session.request_id(id));
        let Some(mut call) = self.calls.remove(key) else { return };
        if !self.is_idempotent(call.binding, call.method) {
            if let Some(request_id) = request_id {
                self.remember(now, request_id);
            }
            self.settle(at, id, Outcome::Unknown { settled });
        }
        let error = Error::ConnectionLost {
            method: self.method_name(call.binding, call.method),
            address: server.clone(),
            why: why.unwrap_or(&self.sessions[at].why).to_owned(),
            execution: Execution::Unknown,
            request_id,
            attempts: Attempts::default(),
        };
        let attempts = match why {
            Some(why) => call.attempts(now, &server, why),
            None => call.trail,
        };
        self.fail(key, error.with_attempts(attempts));
    }

    /// A call ends as unknown, and its caller may ask for the outcome. The oldest one may have to go for it.
    pub(super) fn remember(&mut self, now: Instant, request_id: RequestId) {
        let forgotten = self.outcomes.open(now, request_id);
        self.outputs.extend(forgotten.map(Output::Settled));
    }

    /// It is known now what became of a call that has ended as unknown.
    pub(super) fn settle(&mut self, at: usize, id: SlotId, outcome: Outcome) {
        let Some(request_id) = self.sessions[at].request_id(id) else { return };
        let known = outcome.execution() != Execution::Unknown;
        if self.outcomes.settle(request_id, outcome) {
            self.stats.resolved += u64::from(known);
            self.outputs.push_back(Output::Settled(request_id));
        }
    }

    /// This client needs nothing of the session any more, and tells the server so.
    pub(super) fn end_session(&mut self, now: Instant, at: usize, last: &str, why: &str) {
        self.close_connection(at, Some((CloseCode::GoingAway, last)));
        self.disconnect(now, at);
        why.clone_into(&mut self.sessions[at].why);
        self.forget_session(now, at, false, None);
    }

    /// After each input: sessions that were left and have no more calls end, one that can carry no more calls is left.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.end_all_hurried(now);
        for at in 0..self.sessions.len() {
            let session = &self.sessions[at];
            // Not while the server is asked for it: its answer may be that it has the session still.
            let asked = matches!(session.link, Link::Greeting(_));
            if session.lapsed && !asked && !session.slots.has_callers() {
                self.forget_session(now, at, false, Some("its lease is over"));
            }
        }
        for at in (CURRENT + 1..self.sessions.len()).rev() {
            if self.sessions[at].slots.in_use() == 0 {
                self.close_connection(at, Some((CloseCode::GoingAway, "another session is used")));
                self.sessions.remove(at);
            }
        }
        if self.sessions[CURRENT].slots.is_exhausted() && self.sessions[CURRENT].ready().is_some() {
            self.leave(now, Pace::default());
            self.want_connection(now);
            self.end_all_hurried(now);
        }
    }
}
