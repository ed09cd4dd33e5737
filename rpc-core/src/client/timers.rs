//! What happens by time alone: deadlines, delays, probes, the handshake's end, redials, leases.

use super::link::{Link, Pace};
use super::session::CURRENT;
use super::slots::SlotState;
use super::{BindingId, Client, ConnectionId, Output};
use crate::connection::Probe;
use crate::error::BindError;
use crate::frame::{Ping, Release};
use crate::time::Instant;
use std::time::Duration;

impl Client {
    /// The time of an earlier [`Output::Wait`] has come. Harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.calls.next_deadline() {
            for key in self.calls.expired(now) {
                self.expire(now, key);
            }
        }
        self.wake_resting(now);
        // Sessions may come and go on the way; one that is passed over has its turn by the next timer, which is due at once.
        let mut at = CURRENT;
        while at < self.sessions.len() {
            self.watch(now, at);
            at += 1;
        }
        self.outputs.extend(self.outcomes.forget_old(now).into_iter().map(Output::Settled));
        self.tidy(now);
    }

    /// One session's part of the timer. Others may come and go by it: one that is passed over so has its turn by the next timer,
    /// which is due at once.
    fn watch(&mut self, now: Instant, at: usize) {
        let session = &mut self.sessions[at];
        if now >= session.lapses() {
            session.lapsed = true;
        }
        match &session.link {
            Link::Down(_) => self.redial(now, at),
            Link::Dialling(..) => {}
            Link::Greeting(open) => {
                let opened = open.opened;
                if now >= self.greeting_ends(at, opened) {
                    let had = self.config.limits.handshake.min(now - opened);
                    let why = format!("no answer to the handshake within {had:.1?}");
                    self.fail_connection(now, at, &self.with_first_bytes(at, &why));
                }
            }
            Link::Ready(_) => self.probe(now, at),
        }
    }

    #[inline]
    pub(super) fn next_timeout(&self) -> Instant {
        let mut next = self.calls.next_deadline().min(self.outcomes.next());
        if let Some((again, _)) = self.resting.first() {
            next = next.min(*again);
        }
        for (at, session) in self.sessions.iter().enumerate() {
            let link = match &session.link {
                Link::Down(pace) if self.wants_connection(at) => self.dials_at(at, pace),
                Link::Down(_) | Link::Dialling(..) => Instant::NEVER,
                Link::Greeting(open) => self.greeting_ends(at, open.opened),
                Link::Ready(open) => {
                    let limits = &self.config.limits;
                    let probe = open.liveness.next(self.is_busy(at), limits);
                    let probe = if mutant!(NeverProbes) { Instant::NEVER } else { probe };
                    probe.min(open.busy_again).min(session.slots.idle_at(limits.keep_alive))
                }
            };
            next = next.min(link).min(session.lapses());
        }
        next
    }

    /// A silent server costs no more than its share of the window.
    fn greeting_ends(&self, at: usize, opened: Instant) -> Instant {
        let most = opened + self.config.limits.handshake;
        match at {
            CURRENT => most.min(self.round.until()),
            _ => most.min(opened + self.config.connect_window),
        }
    }

    /// Somebody waits for the server: for a reply, or for its word on a service.
    pub(super) fn is_busy(&self, at: usize) -> bool {
        let asked = || at == CURRENT && self.bindings.iter().any(super::Binding::is_asked);
        self.sessions[at].slots.in_use() > 0 || asked()
    }

    fn probe(&mut self, now: Instant, at: usize) {
        let busy = self.is_busy(at);
        if self.sessions[at].link.open().is_some_and(|open| now >= open.busy_again) {
            self.write_fences(now, at);
        }
        let session = &mut self.sessions[at];
        let Link::Ready(open) = &mut session.link else { return };
        if now >= session.slots.idle_at(self.config.limits.keep_alive) {
            Release { ids: session.slots.take_kept() }.write(open.outgoing.ready());
        }
        if mutant!(NeverProbes) {
            return;
        }
        match open.liveness.poll(now, busy, open.outgoing.handed_out(), &self.config.limits) {
            Probe::Wait(_) => {}
            Probe::Ping(number) => {
                Ping { number }.write(open.outgoing.ready());
                open.outgoing.rest();
            }
            Probe::Dead(silent) => {
                let why = format!("no answer to a ping for {:.1} s", silent.as_secs_f64());
                self.close_connection(at, None);
                // Such a server may well accept connections still: another one comes first.
                self.lose(now, at, &why, true);
            }
        }
    }

    /// Writes the fences again whose slots were busy.
    fn write_fences(&mut self, now: Instant, at: usize) {
        let mut next = Instant::NEVER;
        for (id, slot) in self.sessions[at].slots.used() {
            if !matches!(slot.state, SlotState::Fencing(_) | SlotState::Quarantined(..)) {
                continue;
            }
            if slot.again <= now {
                self.write_fence(at, id);
            } else {
                next = next.min(slot.again);
            }
        }
        if let Some(open) = self.sessions[at].link.open_mut() {
            open.busy_again = next;
        }
    }

    /// Somebody waits for a connection, wherever it leads: a call, or the first agreement on a service.
    fn has_users(&self) -> bool {
        self.is_kept_up()
            || self.asked_for
            || !self.waiting.is_empty()
            || self.bindings.iter().any(|binding| binding.is_awaited())
            || self.has_movable()
    }

    /// No call will wait for a connection, so that there has to be one before; unless none can be had.
    fn is_kept_up(&self) -> bool {
        let hopeless = match &self.sessions[CURRENT].link {
            Link::Down(pace) => pace.last.as_ref().is_some_and(|error| !error.is_retryable()),
            _ => false,
        };
        self.config.fail_fast && !self.bindings.is_empty() && !hopeless
    }

    /// Somebody waits for a connection of this session: also slots whose calls only this session can answer.
    fn wants_connection(&self, at: usize) -> bool {
        let session = &self.sessions[at];
        let pinned = session.identity.is_some() && session.slots.in_use() > 0;
        !self.closed && (pinned || (at == CURRENT && self.has_users()))
    }

    /// When a session without a connection may dial.
    fn dials_at(&self, at: usize, pace: &Pace) -> Instant {
        match pace.own && at == CURRENT && self.has_users() {
            true => Instant::default(),
            false => pace.not_before.unwrap_or_default(),
        }
    }

    /// Dials if there is no connection and the pace allows it; otherwise the timer will.
    pub(super) fn want_connection(&mut self, now: Instant) {
        self.redial(now, CURRENT);
    }

    pub(super) fn redial(&mut self, now: Instant, at: usize) {
        if !self.wants_connection(at) {
            return;
        }
        let Link::Down(pace) = &self.sessions[at].link else { return };
        if now < self.dials_at(at, pace) {
            return;
        }
        if at == CURRENT {
            self.drop_stale_waiters();
            if !self.wants_connection(at) {
                return;
            }
        }
        let users = self.has_users();
        let session = &mut self.sessions[at];
        let Link::Down(pace) = &mut session.link else { return };
        let pace = std::mem::take(pace);
        let own = session.identity.as_ref().map(|identity| identity.address);
        match own {
            Some(address) if at != CURRENT => {
                return self.dial(at, pace, address, self.config.connect_window);
            }
            // Only the session's own server can answer what waits.
            Some(address) if !users => self.round.begin_with(now, address),
            _ => {
                let waiting = self.bindings.iter().filter(|binding| binding.is_awaited());
                let waiting = waiting.map(|binding| binding.since).min();
                self.round.begin(now, waiting);
            }
        }
        self.dial_next(now, pace);
    }

    fn dial_next(&mut self, now: Instant, pace: Pace) {
        let (address, within) = self.round.next(now);
        self.dial(CURRENT, pace, address, within);
    }

    fn dial(&mut self, at: usize, pace: Pace, address: usize, within: Duration) {
        self.dialled += 1;
        let connection = ConnectionId(self.dialled);
        self.sessions[at].link = Link::Dialling(connection, pace);
        self.outputs.push_back(Output::Dial { connection, address, within });
    }

    /// No stream could be opened.
    pub fn handle_dial_failed(&mut self, now: Instant, connection: ConnectionId, error: BindError) {
        let Some(at) = self.session_of(connection) else { return };
        let Link::Dialling(_, pace) = &mut self.sessions[at].link else { return };
        let pace = std::mem::take(pace);
        match at {
            CURRENT => self.fail_address(now, pace, "", error),
            _ => self.fail_left(now, at, pace, error),
        }
        self.tidy(now);
    }

    /// The present address has led to no server that can be used: on to the next one, unless it was the last or nobody
    /// wants a connection any more.
    pub(super) fn fail_address(&mut self, now: Instant, pace: Pace, address: &str, error: BindError) {
        if self.round.failed(now, address, &error) && self.wants_connection(CURRENT) {
            self.forget_refusals();
            return self.dial_next(now, pace);
        }
        let error = self.round.outcome(error);
        self.fail_link(now, pace, error);
    }

    /// There is no connection, because of `error`. Bindings wait for a server as long as they were told to; calls wait inside
    /// their deadlines, unless no later attempt can go better.
    pub(super) fn fail_link(&mut self, now: Instant, pace: Pace, error: BindError) {
        // The only stream there was: no server will be reached any more, the session's own included.
        let ended = matches!(error, BindError::StreamEnded { .. });
        self.asked_for = false;
        let retryable = error.is_retryable();
        let window = self.config.wait_for_server;
        let mut pace = pace.failed(now, self.round.asked(), &mut self.jitter, error.clone());
        pace.own = self.round.is_own();
        for index in 0..self.bindings.len() {
            let binding = &self.bindings[index];
            if !binding.is_awaited() {
                continue;
            }
            let end = binding.since + window;
            if retryable && now < end {
                // A last attempt when its time is over: a server may have come since the one before.
                pace.not_before = pace.not_before.map(|time| time.min(end));
            } else {
                self.end_binding(BindingId(index as u16), Err(error.clone()));
            }
        }
        self.sessions[CURRENT].link = Link::Down(pace);
        if ended {
            self.forget_session(now, CURRENT, false, None);
        }
        if !retryable {
            self.end_waiting(&std::sync::Arc::new(error));
        }
        self.forget_refusals();
    }

    /// A session that new calls do not go to cannot be resumed at present.
    pub(super) fn fail_left(&mut self, now: Instant, at: usize, pace: Pace, error: BindError) {
        let asked = error.asked();
        self.sessions[at].link = Link::Down(pace.failed(now, asked, &mut self.jitter, error));
        self.send_waiting(now);
        self.want_connection(now);
    }

    /// What a server refused stands as long as the connection to it.
    pub(super) fn forget_refusals(&mut self) {
        self.bindings.iter_mut().for_each(super::Binding::forget_refusal);
    }
}
