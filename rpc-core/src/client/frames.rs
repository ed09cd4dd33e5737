//! The connection's life as the client sees it: handshake, frames, loss.

use super::calls::CallState;
use super::link::{Link, Open};
use super::slots::SlotState;
use super::{BindingId, CallKey, Client, ConnectionId, Output};
use crate::connection::{ConnectionTime, Gathering, Liveness, Outgoing};
use crate::error::{Attempts, BindError, Error, Execution, ProtocolError, REASON_MAX, shown};
use crate::frame::{
    self, Bound, Checksum, Chunk, Close, CloseCode, Credentials, GoAway, Header, Hello, Kind, PROTOCOL_MAX,
    PROTOCOL_MIN, Ping, Pong, Reject, RejectCode, Reply, SessionWish, Welcome,
};
use crate::ids::SlotId;
use crate::time::Instant;
use std::time::Duration;

/// A request is written at most so often: first and three more, as for any other retry.
const ATTEMPTS_MAX: u8 = 4;

/// A connection that ended sooner counts as one more failure: a server that lets clients in and drops them must not be
/// dialled without a pause.
const SETTLED: Duration = Duration::from_secs(1);

/// A connection that ended sooner speaks against its address: the next round begins with the one behind it. Otherwise it
/// begins with the same one, where the session may still be held.
const SHORT_LIVED: Duration = Duration::from_secs(5);

/// Small frames that may wait beside requests: a server that sends pings and reads nothing goes no further.
const PONGS_MAX: usize = 1 << 20;

impl Client {
    /// The stream that [`Output::Dial`] asked for is open. `address` is for errors and logs.
    pub fn handle_dialled(&mut self, now: Instant, connection: ConnectionId, address: &str) {
        let Link::Dialling(dialled, pace) = &mut self.link else { return };
        if *dialled != connection {
            return;
        }
        let mut open = Box::new(Open {
            connection,
            address: address.into(),
            opened: now,
            outgoing: Outgoing::new(),
            gathering: Gathering::default(),
            liveness: Liveness::starting(now),
            time: ConnectionTime::starting(now),
            first: String::new(),
            session: None,
            message_max: self.config.limits.message_max,
            methods: 0,
            draining: false,
            accepted: false,
            refused: None,
            busy_again: Instant::NEVER,
            pace: std::mem::take(pace),
        });
        self.stats.connections += 1;
        self.hello(connection).write(open.outgoing.ready());
        self.link = Link::Greeting(open);
        for index in 0..self.bindings.len() {
            self.bindings[index].start_over();
            if self.bindings[index].is_held() {
                self.ask(now, BindingId(index as u16));
            }
        }
    }

    fn hello(&self, connection: ConnectionId) -> Hello {
        let codecs = match self.codec {
            Some(codec) => vec![codec.to_wire()],
            None => self.config.codecs.iter().map(|codec| codec.to_wire()).collect(),
        };
        let limits = &self.config.limits;
        Hello {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            codecs,
            checksum: self.config.checksum,
            message_max: u32::try_from(limits.message_max).unwrap_or(u32::MAX),
            slots: limits.slots,
            connection: connection.0,
            session: SessionWish::Open,
            credentials: Credentials(self.config.credentials.clone()),
            software: self.config.software.clone(),
        }
    }

    /// Asks for a service on the connection that is there, if that was not done; `false` if there is none.
    pub(super) fn ask(&mut self, now: Instant, id: BindingId) -> bool {
        let busy = self.is_busy();
        let Some(open) = self.link.open_mut().filter(|open| !open.draining) else { return false };
        let Some(binding) = self.bindings.get_mut(usize::from(id.0)) else { return false };
        if binding.is_idle() {
            if !busy {
                open.liveness.waiting_since(now);
            }
            match binding.ask(u32::from(id.0), open.methods, open.outgoing.ready()) {
                Ok(methods) => open.methods = methods,
                Err(error) => self.end_binding(id, Err(error)),
            }
        }
        true
    }

    /// Bytes from the server: as many whole frames as there are. Returns how many bytes were used; the driver keeps the
    /// rest and shows it again, with what follows.
    pub fn handle_bytes(&mut self, now: Instant, connection: ConnectionId, bytes: &[u8]) -> usize {
        let mut used = 0;
        while self.is_current(connection) {
            match self.handle_next(now, &bytes[used..]) {
                Ok(Some(length)) => used += length,
                Ok(None) => break,
                Err(error) => {
                    self.fail_protocol(now, &error);
                    return bytes.len();
                }
            }
        }
        // A part of a frame is a sign of life as well: on a slow line a whole one takes longer than a pong may.
        if let Some(open) = self.link.open_mut().filter(|_| !bytes.is_empty()) {
            open.liveness.heard(now);
        }
        if used > 0 {
            self.stats.bytes_in += used as u64;
            self.send_waiting(now);
            self.settle_drain(now);
        }
        if !self.is_current(connection) {
            return bytes.len();
        }
        if let Link::Greeting(open) = &mut self.link
            && open.session.is_none()
        {
            let rest = &bytes[used..];
            open.first = if rest.is_empty() { String::new() } else { frame::first_bytes(rest) };
        }
        used
    }

    #[inline]
    fn handle_next(&mut self, now: Instant, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(open) = self.link.open() else { return Ok(None) };
        let next = match open.session {
            Some(_) => frame::split(bytes, open.outgoing.checksum())?,
            None => frame::split_first(bytes)?,
        };
        let Some((header, body)) = next else { return Ok(None) };
        if header.kind == Kind::Reply {
            let reply = Reply::read(&header, body)?;
            self.handle_reply(now, &reply)?;
        } else {
            self.handle_frame(now, &header, body)?;
        }
        Ok(Some(header.length as usize))
    }

    fn handle_frame(&mut self, now: Instant, header: &Header, body: &[u8]) -> Result<(), ProtocolError> {
        let unexpected = |when| Err(ProtocolError::Unexpected { kind: header.kind.name(), when });
        let greeted = self.link.open().is_some_and(|open| open.session.is_some());
        match header.kind {
            Kind::Welcome if !greeted => return self.handle_welcome(now, &Welcome::read(header, body)?),
            Kind::Reject if !greeted => self.handle_reject(now, &Reject::read(header, body)?),
            Kind::Close => {
                let reason = shown(&Close::read(header, body)?.reason, REASON_MAX);
                self.fail_connection(now, &format!("closed by the server: {reason}"));
            }
            _ if !greeted => return unexpected("before the answer to the handshake"),
            Kind::Bound => return self.handle_bound(now, Bound::read(header, body)?),
            Kind::Chunk => return self.handle_chunk(now, &Chunk::read(header, body)?),
            Kind::Ping => return self.handle_ping(now, Ping::read(header, body)?.number),
            Kind::Pong => {
                let number = Pong::read(header, body)?.number;
                if let Some(open) = self.link.open_mut() {
                    open.liveness.ponged(now, number);
                }
            }
            Kind::GoAway => {
                GoAway::read(header, body)?;
                if let Some(open) = self.link.open_mut() {
                    open.draining = true;
                }
            }
            _ => return unexpected("by a client"),
        }
        Ok(())
    }

    fn handle_ping(&mut self, now: Instant, number: u64) -> Result<(), ProtocolError> {
        let most = self.config.limits.outgoing_max.saturating_add(PONGS_MAX);
        let Some(open) = self.link.open_mut() else { return Ok(()) };
        if open.outgoing.ready().len() > most {
            let what = format!("pings come while {most} bytes wait that the server does not take");
            return Err(ProtocolError::LimitExceeded { what });
        }
        // From the Pong on, deadlines count from here, and the server counts from when it sent this ping.
        Pong { number }.write(open.outgoing.ready());
        open.time = ConnectionTime::starting(now);
        Ok(())
    }

    fn handle_welcome(&mut self, now: Instant, welcome: &Welcome) -> Result<(), ProtocolError> {
        let malformed = |what: String| Err(ProtocolError::Malformed { kind: "Welcome", what });
        if !(PROTOCOL_MIN..=PROTOCOL_MAX).contains(&welcome.protocol) {
            return malformed(format!("protocol {} was not offered", welcome.protocol));
        }
        let offered = self.codec.map_or_else(|| self.config.codecs.clone(), |codec| vec![codec]);
        let Some(codec) = offered.into_iter().find(|codec| codec.to_wire() == welcome.codec) else {
            return malformed(format!("codec {} was not offered", welcome.codec));
        };
        if welcome.checksum != Checksum::Whole && self.config.checksum == Checksum::Whole {
            return malformed("a checksum without the payload was not offered".to_owned());
        }
        let Some(open) = self.link.open_mut() else { return Ok(()) };
        open.session = Some(welcome.session);
        open.outgoing.set_checksum(welcome.checksum);
        open.message_max = welcome.message_max as usize;
        open.time = ConnectionTime::starting(now);
        open.liveness.measured(now - open.opened);
        self.slots.reset(welcome.slots.min(self.config.limits.slots));
        self.codec = Some(codec);
        self.settle_greeting(now);
        Ok(())
    }

    fn handle_reject(&mut self, now: Instant, reject: &Reject) {
        let Some(open) = self.link.open() else { return };
        let address = open.address.to_string();
        let retry_after =
            (reject.retry_after_ms > 0).then(|| Duration::from_millis(u64::from(reject.retry_after_ms)));
        let reason = shown(&reject.reason, REASON_MAX);
        let error = match reject.code {
            RejectCode::Protocol => {
                let why = format!(
                    "this client speaks versions {PROTOCOL_MIN} to {PROTOCOL_MAX}, the server {} to {}: {reason}",
                    reject.protocol_min, reject.protocol_max
                );
                BindError::ProtocolMismatch { address, why }
            }
            RejectCode::Codec => BindError::ProtocolMismatch { address, why: reason },
            _ => BindError::Rejected { address, why: reason, retry_after },
        };
        self.fail_bind(now, error);
    }

    fn handle_bound(&mut self, now: Instant, bound: Bound) -> Result<(), ProtocolError> {
        let address = self.link.address().to_owned();
        let number = bound.number;
        let Some(binding) = self.bindings.get_mut(number as usize).filter(|binding| binding.is_asked())
        else {
            let what = format!("it answers binding {number}, which was not asked for");
            return Err(ProtocolError::Malformed { kind: "Bound", what });
        };
        if let frame::BoundResult::Types { part } = &bound.result {
            return binding.gather(part);
        }
        match (&mut self.link, binding.answered(bound, &address)) {
            // Another server may have the service: whoever waits for it is not told yet.
            (Link::Greeting(open), Err(error)) => {
                binding.refused(error.clone());
                open.refused = Some(error);
            }
            (link, result) => {
                if let Link::Greeting(open) = link {
                    open.accepted = true;
                }
                self.end_binding(BindingId(number as u16), result);
            }
        }
        self.settle_greeting(now);
        Ok(())
    }

    /// Calls may be written once the server has answered the handshake and all bindings, unless it has none of the services.
    fn settle_greeting(&mut self, now: Instant) {
        let Link::Greeting(open) = &mut self.link else { return };
        if open.session.is_none() || self.bindings.iter().any(|binding| binding.is_asked()) {
            return;
        }
        if let Some(error) = open.refused.take().filter(|_| !open.accepted && !self.round.is_single()) {
            return self.fail_bind(now, error);
        }
        if let Link::Greeting(open) = std::mem::replace(&mut self.link, Link::Down(Default::default())) {
            self.link = Link::Ready(open);
        }
        self.round.reached();
        for index in 0..self.bindings.len() {
            if let Some(error) = self.bindings[index].refusal() {
                self.end_binding(BindingId(index as u16), Err(error));
            }
        }
        self.send_waiting(now);
    }

    /// A server that drains is left when its last call has ended.
    pub(super) fn settle_drain(&mut self, now: Instant) {
        let retired = self.slots.is_exhausted();
        if self.slots.in_use() > 0 || !matches!(&self.link, Link::Ready(open) if open.draining || retired) {
            return;
        }
        self.close_connection(None);
        self.lose(now, "the server is going away");
    }

    /// The stream has ended, or failed. `why` is for errors: `closed by the peer`, the operating system's words.
    pub fn handle_disconnected(&mut self, now: Instant, connection: ConnectionId, why: &str) {
        if self.is_current(connection) && !matches!(self.link, Link::Dialling(..)) {
            let why = self.with_first_bytes(why);
            self.lose(now, &why);
        }
    }

    /// `why` there is no answer to the handshake, with what came of one.
    pub(super) fn with_first_bytes(&self, why: &str) -> String {
        match &self.link {
            Link::Greeting(open) if open.session.is_none() && !open.first.is_empty() => {
                format!("{why}; the peer's first bytes are {}", open.first)
            }
            _ => why.to_owned(),
        }
    }

    /// Ends the connection from this side.
    pub(super) fn fail_connection(&mut self, now: Instant, why: &str) {
        self.close_connection(None);
        self.lose(now, why);
    }

    /// Has the connection closed, after a last frame that says why. Nothing else is written any more: the calls whose
    /// requests still wait here count as never written, and may be on their way to another server a moment later.
    pub(super) fn close_connection(&mut self, last: Option<(CloseCode, &str)>) {
        let Some(connection) = self.link.connection() else { return };
        let greeted = self.link.open().is_some_and(|open| open.session.is_some());
        if let Some((code, reason)) = last.filter(|_| greeted) {
            let mut bytes = Vec::new();
            Close { code, reason: reason.to_owned() }.write(&mut bytes);
            self.farewells.push((connection, bytes));
        }
        self.outputs.push_back(Output::Close(connection));
    }

    /// Ends the connection because the server does not keep to the protocol, and tells it so.
    fn fail_protocol(&mut self, now: Instant, error: &ProtocolError) {
        let Some(open) = self.link.open_mut() else { return };
        if open.session.is_some() {
            let why = error.to_string();
            self.close_connection(Some((CloseCode::ProtocolError, &why)));
            self.lose(now, &why);
        } else {
            let error = BindError::from_protocol(&open.address, error);
            self.fail_bind(now, error);
        }
    }

    /// The server does not let this client in, or has nothing for it.
    fn fail_bind(&mut self, now: Instant, error: BindError) {
        let Link::Greeting(open) = &mut self.link else { return };
        let (pace, address) = (std::mem::take(&mut open.pace), open.address.clone());
        self.close_connection(Some((
            CloseCode::GoingAway,
            "the server has none of the services that the client wants",
        )));
        self.slots.reset(0);
        self.fail_address(now, pace, &address, error);
    }

    /// The connection is gone, and with it the session. What was never written goes on over the next connection; so do
    /// idempotent calls; of any other call nobody can say any more whether it ran.
    pub(super) fn lose(&mut self, now: Instant, why: &str) {
        self.lose_and(now, why, false);
    }

    /// The same, and the connection's address comes last in the next round, however long it had worked.
    pub(super) fn lose_address(&mut self, now: Instant, why: &str) {
        self.lose_and(now, why, true);
    }

    fn lose_and(&mut self, now: Instant, why: &str, pass: bool) {
        let link = std::mem::replace(&mut self.link, Link::Down(Default::default()));
        let was_ready = matches!(link, Link::Ready(_));
        let open = match link {
            Link::Greeting(open) | Link::Ready(open) => open,
            Link::Dialling(_, pace) | Link::Down(pace) => {
                self.link = Link::Down(pace);
                return;
            }
        };
        let used: Vec<_> = self.slots.used().map(|(id, slot)| (id, *slot)).collect();
        for (id, slot) in used {
            if let SlotState::Pending(key) = slot.state {
                self.lose_call(&open, id, key, slot.position, why);
            }
        }
        self.slots.reset(0);
        let error = BindError::Interrupted { address: open.address.to_string(), why: why.to_owned() };
        let settled = was_ready && now - open.opened >= SETTLED;
        if was_ready && (pass || open.draining || now - open.opened < SHORT_LIVED) {
            self.round.pass();
        }
        if was_ready && open.draining {
            // What was asked for meanwhile was not asked here, and has its chance on the next connection.
            self.link = Link::Down(open.pace.failed(now, Duration::ZERO, &mut self.jitter, error));
        } else if settled {
            // It had worked: dial again at once, and only slow down when that fails.
            self.link =
                Link::Down(super::link::Pace { last: Some(error.clone().into()), ..Default::default() });
            for index in 0..self.bindings.len() {
                if self.bindings[index].is_awaited() {
                    self.end_binding(BindingId(index as u16), Err(error.clone()));
                }
            }
        } else if was_ready {
            self.fail_link(now, open.pace, error);
        } else {
            self.fail_address(now, open.pace, &open.address, error);
        }
        self.forget_refusals();
        self.want_connection(now);
    }

    fn lose_call(&mut self, open: &Open, id: SlotId, key: CallKey, position: u64, why: &str) {
        let Some(call) = self.calls.get(key) else { return };
        let written = Self::was_written(open, id, position, &call.payload);
        let (binding, method) = (call.binding, call.method);
        let idempotent = self.is_idempotent(binding, method);
        let Some(call) = self.calls.get(key) else { return };
        if !self.closed && (!written || (idempotent && call.attempts < ATTEMPTS_MAX)) {
            call.state = CallState::Waiting;
            call.in_doubt |= written;
            self.stats.retried += u64::from(written);
            self.waiting.push_back(key);
            return;
        }
        let execution = if written || call.in_doubt { Execution::Unknown } else { Execution::NotExecuted };
        let error = Error::ConnectionLost {
            method: self.method_name(binding, method),
            address: open.address.clone(),
            why: why.to_owned(),
            execution,
            request_id: open.session.map(|session| crate::RequestId { session, at: id }),
            attempts: Attempts::default(),
        };
        self.end(key, Err(error));
    }
}
