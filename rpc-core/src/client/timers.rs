//! What happens by time alone: deadlines, probes, the handshake's end, redials.

use super::link::{Link, Pace};
use super::slots::SlotState;
use super::{Client, ConnectionId, Output};
use crate::connection::Probe;
use crate::error::BindError;
use crate::frame::{Cancel, Ping, Release};
use crate::time::Instant;

impl Client {
    /// The time of an earlier [`Output::Wait`] has come. Harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.calls.next_deadline() {
            for key in self.calls.expired(now) {
                self.expire(now, key);
            }
            self.settle_drain(now);
        }
        match &self.link {
            Link::Down(_) => self.redial(now),
            Link::Dialling(..) => {}
            Link::Greeting(open) => {
                if now >= self.greeting_ends(open.opened) {
                    let had = self.config.limits.handshake.min(now - open.opened);
                    let why = format!("no answer to the handshake within {had:.1?}");
                    self.fail_connection(now, &self.with_first_bytes(&why));
                }
            }
            Link::Ready(_) => self.probe(now),
        }
    }

    pub(super) fn next_timeout(&self) -> Instant {
        let link = match &self.link {
            Link::Down(pace) if self.wants_connection() => pace.not_before.unwrap_or_default(),
            Link::Down(_) | Link::Dialling(..) => Instant::NEVER,
            Link::Greeting(open) => self.greeting_ends(open.opened),
            Link::Ready(open) => {
                let limits = &self.config.limits;
                let probe = open.liveness.next(self.is_busy(), limits);
                probe.min(open.busy_again).min(self.slots.idle_at(limits.keep_alive))
            }
        };
        link.min(self.calls.next_deadline())
    }

    /// A silent server costs no more than its share of the window.
    fn greeting_ends(&self, opened: Instant) -> Instant {
        (opened + self.config.limits.handshake).min(self.round.until())
    }

    /// Somebody waits for the server: for a reply, or for its word on a service.
    pub(super) fn is_busy(&self) -> bool {
        self.slots.in_use() > 0 || self.bindings.iter().any(super::Binding::is_asked)
    }

    fn probe(&mut self, now: Instant) {
        let busy = self.is_busy();
        let Link::Ready(open) = &mut self.link else { return };
        if now >= open.busy_again {
            open.busy_again = Instant::NEVER;
            for index in 0..self.slots.len() {
                let Some(slot) = self.slots.get_mut(index) else { continue };
                let SlotState::Quarantined { again } = slot.state else { continue };
                if again <= now {
                    slot.state = SlotState::Quarantined { again: Instant::NEVER };
                    let id = crate::SlotId { slot: index, sequence: slot.sequence };
                    Cancel { id, want_reply: false }.write(open.outgoing.ready());
                } else {
                    open.busy_again = open.busy_again.min(again);
                }
            }
        }
        if now >= self.slots.idle_at(self.config.limits.keep_alive) {
            Release { ids: self.slots.take_kept() }.write(open.outgoing.ready());
        }
        match open.liveness.poll(now, busy, open.outgoing.handed_out(), &self.config.limits) {
            Probe::Wait(_) => {}
            Probe::Ping(number) => Ping { number }.write(open.outgoing.ready()),
            Probe::Dead(silent) => {
                let why = format!("no answer to a ping for {:.1} s", silent.as_secs_f64());
                // Such a server may well accept connections still.
                self.close_connection(None);
                self.lose_address(now, &why);
            }
        }
    }

    /// Somebody waits for a connection: a call, or the first agreement on a service.
    fn wants_connection(&self) -> bool {
        !self.closed && (!self.waiting.is_empty() || self.bindings.iter().any(|binding| binding.is_awaited()))
    }

    /// Dials if there is no connection and the pace allows it; otherwise the timer will.
    pub(super) fn want_connection(&mut self, now: Instant) {
        self.redial(now);
    }

    fn redial(&mut self, now: Instant) {
        if !self.wants_connection() {
            return;
        }
        let Link::Down(pace) = &self.link else { return };
        if pace.not_before.is_some_and(|time| now < time) {
            return;
        }
        self.drop_stale_waiters();
        if !self.wants_connection() {
            return;
        }
        let Link::Down(pace) = &mut self.link else { return };
        let pace = std::mem::take(pace);
        let waiting =
            self.bindings.iter().filter(|binding| binding.is_awaited()).map(|binding| binding.since);
        self.round.begin(now, waiting.min());
        self.dial(now, pace);
    }

    fn dial(&mut self, now: Instant, pace: Pace) {
        let (address, within) = self.round.next(now);
        self.dialled += 1;
        let connection = ConnectionId(self.dialled);
        self.link = Link::Dialling(connection, pace);
        self.outputs.push_back(Output::Dial { connection, address, within });
    }

    /// No stream could be opened.
    pub fn handle_dial_failed(&mut self, now: Instant, connection: ConnectionId, error: BindError) {
        let Link::Dialling(dialled, pace) = &mut self.link else { return };
        if *dialled != connection {
            return;
        }
        let pace = std::mem::take(pace);
        self.fail_address(now, pace, "", error);
    }

    /// The present address has led to no server that can be used: on to the next one, unless it was the last or nobody
    /// wants a connection any more.
    pub(super) fn fail_address(&mut self, now: Instant, pace: Pace, address: &str, error: BindError) {
        if self.round.failed(now, address, &error) && self.wants_connection() {
            self.forget_refusals();
            return self.dial(now, pace);
        }
        let error = self.round.outcome(error);
        self.fail_link(now, pace, error);
    }

    /// There is no connection, because of `error`. Bindings wait for a server as long as they were told to; calls wait inside
    /// their deadlines, unless no later attempt can go better.
    pub(super) fn fail_link(&mut self, now: Instant, pace: Pace, error: BindError) {
        let retryable = error.is_retryable();
        let window = self.config.wait_for_server;
        let mut pace = pace.failed(now, self.round.asked(), &mut self.jitter, error.clone());
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
                self.end_binding(super::BindingId(index as u16), Err(error.clone()));
            }
        }
        self.link = Link::Down(pace);
        if !retryable {
            self.end_waiting(&std::sync::Arc::new(error));
        }
        self.forget_refusals();
    }

    /// What a server refused stands as long as the connection to it.
    pub(super) fn forget_refusals(&mut self) {
        self.bindings.iter_mut().for_each(super::Binding::forget_refusal);
    }
}
