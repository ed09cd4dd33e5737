//! A connection is gone: what its calls come to, and where the next one leads.

use super::calls::CallState;
use super::link::{Link, Open, Pace};
use super::session::CURRENT;
use super::slots::{Copy, SlotState};
use super::{BindingId, CallKey, Client, ConnectionId, Output};
use crate::error::{BindError, ProtocolError};
use crate::frame::{Close, CloseCode};
use crate::ids::SlotId;
use crate::time::Instant;
use std::time::Duration;

/// A connection that ended sooner counts as a failure: a server that lets clients in and drops them must not be dialled
/// without a pause. The pauses grow only if it answers no call either.
const SETTLED: Duration = Duration::from_secs(1);

/// A connection that ended sooner without an answer speaks against its address: the next round begins with the one behind
/// it. Otherwise it begins with the same one, where the session is still held.
const SHORT_LIVED: Duration = Duration::from_secs(5);

/// Last frames that are kept for connections whose drivers have not closed them yet.
const FAREWELLS_MAX: usize = 32;

impl Client {
    /// The stream has ended, or failed. `why` is for errors: `closed by the peer`, the operating system's words.
    pub fn handle_disconnected(&mut self, now: Instant, connection: ConnectionId, why: &str) {
        let Some(at) = self.session_of(connection) else { return };
        if !matches!(self.sessions[at].link, Link::Dialling(..)) {
            let why = self.with_first_bytes(at, why);
            self.lose(now, at, &why, false);
            self.tidy(now);
        }
    }

    /// Ends the connection from this side. Its session goes on over the next one.
    pub(super) fn fail_connection(&mut self, now: Instant, at: usize, why: &str) {
        self.close_connection(at, None);
        self.lose(now, at, why, false);
    }

    /// The server has closed the connection, and with it the session, or so it says: nothing of it is started any more.
    pub(super) fn end_by_server(&mut self, now: Instant, at: usize, why: &str) {
        let session = &mut self.sessions[at];
        session.over = session.ready().is_some();
        self.fail_connection(now, at, why);
    }

    /// Has the connection closed, after a last frame that says why. Nothing else is written any more: the calls whose
    /// requests still wait here count as never written, and may be on their way to another server a moment later.
    pub(super) fn close_connection(&mut self, at: usize, last: Option<(CloseCode, &str)>) {
        let link = &self.sessions[at].link;
        let Some(connection) = link.connection() else { return };
        if let Some((code, reason)) = last.filter(|_| link.is_greeted()) {
            let mut bytes = Vec::new();
            Close { code, reason: reason.to_owned() }.write(&mut bytes);
            // A driver that has lost the stream already does not ask for it.
            if self.farewells.len() >= FAREWELLS_MAX {
                self.farewells.remove(0);
            }
            self.farewells.push((connection, bytes));
        }
        self.outputs.push_back(Output::Close(connection));
    }

    /// Ends the connection because the server does not keep to the protocol, and tells it so.
    pub(super) fn fail_protocol(&mut self, now: Instant, at: usize, error: &ProtocolError) {
        let Some(open) = self.sessions[at].link.open() else { return };
        if open.identity.is_some() {
            let why = error.to_string();
            self.close_connection(at, Some((CloseCode::ProtocolError, &why)));
            return self.lose(now, at, &why, false);
        }
        let error = BindError::from_protocol(&open.address, error);
        self.fail_bind(now, at, error);
    }

    /// The connection is gone; the session waits for the next one. Calls of which something was written keep their slots
    /// and their numbers, others go wherever the next connection leads. `pass`: the connection's address comes last in the
    /// next round, however long it had worked.
    pub(super) fn lose(&mut self, now: Instant, at: usize, why: &str, pass: bool) {
        let session = &mut self.sessions[at];
        let link = std::mem::replace(&mut session.link, Link::Down(Pace::default()));
        let was_ready = matches!(link, Link::Ready(_));
        let open = match link {
            Link::Greeting(open) | Link::Ready(open) => open,
            Link::Dialling(_, pace) | Link::Down(pace) => {
                session.link = Link::Down(pace);
                return;
            }
        };
        if was_ready {
            (session.lost, session.why) = (now, why.to_owned());
            let over = session.over;
            let mut kept = false;
            if let Some(identity) = &mut session.identity {
                identity.methods = open.methods;
                kept = !over && !identity.lease.is_zero() && !mutant!(NeverResumes);
            }
            self.strand(now, at, &open, Some(why));
            if !kept {
                self.forget_session(now, at, over, None);
            }
        }
        let error = BindError::Interrupted { address: open.address.to_string(), why: why.to_owned() };
        let settled = was_ready && now - open.opened >= SETTLED;
        let pace = if open.useful { Pace::default() } else { open.pace };
        if at != CURRENT {
            let pace = match settled {
                true => Pace::default(),
                false => pace.failed(now, Duration::ZERO, &mut self.jitter, error),
            };
            let session = &mut self.sessions[at];
            let number = session.number;
            session.link = Link::Down(pace);
            // Some of its calls can be sent elsewhere at once, which may lead to yet another session.
            self.move_idempotent(now);
            self.send_waiting(now);
            self.want_connection(now);
            if let Some(at) = self.numbered(number) {
                self.redial(now, at);
            }
            return;
        }
        if was_ready && (pass || (!open.useful && now - open.opened < SHORT_LIVED)) {
            self.round.pass();
        }
        if settled {
            // It had worked: dial again at once, and only slow down when that fails.
            let last = Some(error.clone().into());
            self.sessions[CURRENT].link = Link::Down(Pace { last, ..Pace::default() });
            for index in 0..self.bindings.len() {
                if self.bindings[index].is_awaited() {
                    self.end_binding(BindingId(index as u16), Err(error.clone()));
                }
            }
        } else if was_ready {
            self.fail_link(now, pace, error);
        } else {
            self.fail_address(now, pace, &open.address, error);
        }
        self.forget_refusals();
        self.want_connection(now);
    }

    /// The connection is closed from this side, and the session will not be resumed.
    pub(super) fn disconnect(&mut self, now: Instant, at: usize) {
        let link = std::mem::replace(&mut self.sessions[at].link, Link::Down(Pace::default()));
        if let Link::Ready(open) = link {
            self.strand(now, at, &open, None);
        }
    }

    /// The copies on a connection that is gone may arrive all the same, as far as anything of them was handed out.
    fn strand(&mut self, now: Instant, at: usize, open: &Open, why: Option<&str>) {
        let mut unwritten = Vec::new();
        for (id, mut slot) in self.sessions[at].slots.used() {
            let written = match slot.copy {
                Copy::None => false,
                Copy::Frame { .. } if mutant!(WrittenOnlyIfRead) => false,
                Copy::Frame { position, .. } => open.outgoing.has_taken(position),
                Copy::Large => !open.outgoing.is_untouched(id),
            };
            slot.stray |= written;
            slot.copy = Copy::None;
            slot.again = Instant::NEVER;
            if let Some(stranded) = self.sessions[at].slots.current(id) {
                *stranded = slot;
            }
            let (SlotState::Pending(key) | SlotState::Fencing(key)) = slot.state else { continue };
            let Some(call) = self.calls.get(key) else { continue };
            if slot.stray {
                if let Some(why) = why {
                    call.failed(now, open.address.clone(), format!("the connection is lost: {why}"));
                }
                // If it is idempotent, it may go on elsewhere.
                self.hold_binding_of(key);
            } else {
                unwritten.push((slot.order, id, key));
            }
        }
        self.send_anew(now, at, unwritten);
    }

    /// The server of the present session is about to go: what the stream has taken nothing of goes elsewhere.
    pub(super) fn take_back_unwritten(&mut self, now: Instant) {
        let session = &mut self.sessions[CURRENT];
        let Link::Ready(open) = &mut session.link else { return };
        let mut unwritten = Vec::new();
        for (id, slot) in session.slots.used() {
            let SlotState::Pending(key) = slot.state else { continue };
            if slot.stray {
                continue;
            }
            let taken_back = match slot.copy {
                Copy::None => false,
                Copy::Frame { position, .. } => open.outgoing.withdraw(position),
                Copy::Large if open.outgoing.is_untouched(id) => {
                    open.outgoing.remove_large(id);
                    true
                }
                Copy::Large => false,
            };
            if taken_back {
                unwritten.push((slot.order, id, key));
            }
        }
        self.send_anew(now, CURRENT, unwritten);
    }

    /// Nothing of these calls was written: they get another number, wherever they are sent. They have waited longer than whatever waits
    /// already, and stay in their order.
    fn send_anew(&mut self, now: Instant, at: usize, mut unwritten: Vec<(u64, SlotId, CallKey)>) {
        unwritten.sort_by_key(|(order, ..)| *order);
        for (_, id, key) in unwritten.into_iter().rev() {
            self.sessions[at].slots.release(now, id.slot);
            let Some(call) = self.calls.get(key) else { continue };
            call.state = CallState::Waiting;
            call.attempts = call.attempts.saturating_sub(1);
            self.hurried |= call.fail_fast;
            self.hold_binding_of(key);
            self.waiting.push_front(key);
        }
    }
}
