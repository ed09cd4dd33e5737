//! Handlers: how long they wait for their turn, how long they take, what they come to. What they did stands in the journal.

use crate::coverage::{Fault, Row};
use crate::decisions::For;
use crate::hall;
use crate::journal::SessionKey;
use crate::queue::Event;
use crate::server_host::{Run, RunState};
use crate::trace::{Host, tell};
use crate::world::World;
use rpc_core::server::{Begin, Completion, Execute};
use rpc_core::service::Verdict;
use rpc_core::{Code, SlotId};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// What a handler comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its result. The effect happens when it starts, or when it ends.
    Result {
        early: bool,
    },
    Panic,
    /// It is refused before it is entered.
    NotStarted,
}

impl World {
    /// The engine wants a handler to be started: it waits for its turn.
    pub(crate) fn queue_handler(&mut self, key: SessionKey, execute: Execute) {
        let Execute { at, method, idempotent, payload, attempt, .. } = execute;
        let number = self.runs.len();
        let (state, outcome) = (RunState::Queued, Outcome::Result { early: false });
        self.runs.push(Run { key, at, method, idempotent, payload, attempt, state, outcome, seat: None });
        let (often, most) = self.plan.handlers.queued;
        let waits = !self.healed && often > 0 && self.decisions.chance(For::Handlers, often);
        let mut after = Duration::ZERO;
        if waits {
            after = Duration::from_micros(self.decisions.below(For::Handlers, most.as_micros() as u64));
            self.coverage.hit(Fault::Queue);
        }
        self.queue.push(self.now + after, Event::Begin(number));
    }

    /// Its turn has come.
    pub(crate) fn begin(&mut self, number: usize) {
        let Run { key, at, state, method, idempotent, .. } = self.runs[number];
        if state != RunState::Queued {
            return;
        }
        let now = self.server_now(key.server);
        let begin = self.session(&key).map_or(Begin::Never, |host| host.session.begin(now, at));
        if let Begin::Later { .. } = begin {
            // A driver asks when another handler has ended, this one now and then.
            let after = Duration::from_micros(self.decisions.between(For::Handlers, 2000, 50_000));
            self.coverage.hit(Fault::NoPlace);
            return self.queue.push(self.now + after, Event::Begin(number));
        }
        let begun = begin == Begin::Now;
        let tag = hall::tag_of(&self.runs[number].payload).unwrap_or(u32::MAX);
        if !begun {
            self.runs[number].state = RunState::Over;
            tell!(
                self,
                Host::Server(key.server),
                "does not start call {tag}: {key} {}-{}",
                at.slot,
                at.sequence
            );
            return self.told_session(&key);
        }
        let (outcome, takes) = self.draw_handler(&key);
        tell!(
            self,
            Host::Server(key.server),
            "starts call {tag} {} {key} {}-{}: {outcome:?} after {takes:?}",
            hall::name(method),
            at.slot,
            at.sequence
        );
        let run = &mut self.runs[number];
        (run.state, run.outcome) = (RunState::Running, outcome);
        if outcome != Outcome::NotStarted {
            if self.runs[number].attempt > 1 {
                self.coverage.met(Row::LostBeforeRead);
            }
            self.check_start(tag, &key, at, idempotent);
            self.check_starts_in_time(tag);
            self.check_arguments(tag, number);
        }
        if outcome == (Outcome::Result { early: true }) {
            self.take_effect(number, tag);
        }
        self.queue.push(self.now + takes, Event::Finish(number));
        self.told_session(&key);
    }

    fn draw_handler(&mut self, key: &SessionKey) -> (Outcome, Duration) {
        let dozing = self.dozing.get(key).map(|until| (*until - self.now).as_micros() as u64);
        let plan = &self.plan.handlers;
        let (least, most) = (plan.takes.0.as_micros() as u64, plan.takes.1.as_micros() as u64);
        let (slow, panics, not_started) = (plan.slow, plan.panics, plan.not_started);
        let d = &mut self.decisions;
        let mut takes = d.between(For::Handlers, least, most);
        let early = d.chance(For::Handlers, 500_000);
        if self.healed {
            return (Outcome::Result { early }, Duration::from_micros(takes));
        }
        if slow > 0 && d.chance(For::Handlers, slow) {
            takes += d.between(For::Handlers, 100_000, 5_000_000);
            self.coverage.hit(Fault::SlowHandler);
        }
        if let Some(dozing) = dozing.filter(|dozing| *dozing > 0)
            && d.chance(For::Handlers, 300_000)
        {
            takes = takes.max(dozing + d.below(For::Handlers, 200_000));
        }
        let mut outcome = Outcome::Result { early };
        if dozing.is_some_and(|dozing| dozing > 0) && d.chance(For::Handlers, 100_000) {
            // So that the late copy finds a number that was refused.
            (outcome, takes) = (Outcome::NotStarted, 0);
        } else if panics > 0 && d.chance(For::Handlers, panics) {
            outcome = Outcome::Panic;
            self.coverage.hit(Fault::Panic);
        } else if not_started > 0 && d.chance(For::Handlers, not_started) {
            outcome = Outcome::NotStarted;
            self.coverage.hit(Fault::NotStarted);
        }
        (outcome, Duration::from_micros(takes))
    }

    /// What cannot be undone.
    fn take_effect(&mut self, number: usize, tag: u32) {
        if self.runs[number].method == hall::SELL {
            let seat = self.journal.sell(tag);
            self.runs[number].seat = Some(seat);
        }
    }

    /// A handler has come to its end.
    pub(crate) fn complete(&mut self, number: usize) {
        if self.runs[number].state != RunState::Running {
            return;
        }
        let tag = hall::tag_of(&self.runs[number].payload).unwrap_or(u32::MAX);
        let outcome = self.runs[number].outcome;
        if outcome == (Outcome::Result { early: false }) {
            self.take_effect(number, tag);
        }
        let now = self.now;
        if outcome != Outcome::NotStarted
            && let Some(call) = self.journal.call(tag)
        {
            call.ends += 1;
            call.done = Some(now);
        }
        let length = self.decisions.below(For::Handlers, self.plan.handlers.reply + 1) as usize;
        let run = &mut self.runs[number];
        run.state = RunState::Over;
        let (key, at) = (run.key, run.at);
        let completion = match (outcome, run.method) {
            (Outcome::Panic, _) => {
                Completion::Failed { code: Code::Internal, message: "a panic".to_owned(), hops: Vec::new() }
            }
            (Outcome::NotStarted, _) => {
                Completion::NotStarted { code: Code::Unavailable, reason: "the hall is closed".to_owned() }
            }
            (_, hall::ECHO | hall::RECORD) => Completion::Ok(std::mem::take(&mut run.payload)),
            (_, hall::REFUND) => Completion::Application(hall::tagged(tag, 4 + length)),
            _ => Completion::Ok(hall::ticket(tag, run.seat.unwrap_or(u32::MAX), 8 + length)),
        };
        if let Completion::Ok(payload) | Completion::Application(payload) = &completion {
            let hash = xxh3_64(payload);
            self.journal.call(tag).into_iter().for_each(|call| call.results.push(hash));
        }
        let completion = self.perhaps_parted(completion);
        tell!(self, Host::Server(key.server), "call {tag} is done: {key} {}-{}", at.slot, at.sequence);
        let now = self.server_now(key.server);
        if let Some(host) = self.session(&key) {
            host.session.complete(now, at, completion);
        }
        self.told_session(&key);
    }

    /// The same result. Of some the last bytes are a block.
    fn perhaps_parted(&mut self, completion: Completion) -> Completion {
        let (verdict, payload) = match completion {
            Completion::Ok(payload) => (Verdict::Ok, payload),
            Completion::Application(payload) => (Verdict::Application, payload),
            other => return other,
        };
        if self.decisions.chance(For::Blocks, if payload.len() > 1000 { 500_000 } else { 50_000 }) {
            let (head, block) = hall::parted(payload);
            return Completion::Block(verdict, head, Box::new(block.into()));
        }
        match verdict {
            Verdict::Ok => Completion::Ok(payload),
            Verdict::Application => Completion::Application(payload),
        }
    }

    /// The engine says that nobody waits for a handler.
    pub(crate) fn stop_handler(&mut self, key: &SessionKey, at: SlotId, drop: bool) {
        tell!(self, Host::Server(key.server), "stop {key} {}-{} drop: {drop}", at.slot, at.sequence);
        if !drop {
            return;
        }
        let running = |run: &&mut Run| {
            run.state == RunState::Running && run.key == *key && run.at == at && run.idempotent
        };
        // It may be about to end: then its end is told all the same.
        if self.decisions.chance(For::Handlers, 500_000) {
            return;
        }
        if let Some(run) = self.runs.iter_mut().rev().find(running) {
            run.state = RunState::Over;
        }
    }
}
