//! From an open stream to a session: hello, the server's answer, and its word on the services.

use super::link::{Link, Open, Pace};
use super::session::{CURRENT, Identity};
use super::{BindingId, Client, ConnectionId};
use crate::connection::{ConnectionTime, Gathering, Liveness, Outgoing};
use crate::error::{BindError, ProtocolError, REASON_MAX, shown};
use crate::frame::{
    Bound, BoundResult, Checksum, CloseCode, Credentials, Hello, PROTOCOL_MAX, PROTOCOL_MIN, Reject,
    RejectCode, SessionWish, Welcome,
};
use crate::limits::METHOD_TABLE_MAX;
use crate::time::Instant;
use std::time::Duration;

/// Of a server that was started anew, or has waited for its client as long as the lease says.
const UNKNOWN_THERE: &str = "the server does not know the session any more";

impl Client {
    /// The stream that [`Output::Dial`](super::Output::Dial) asked for is open. `address` is for errors and logs.
    pub fn handle_dialled(&mut self, now: Instant, connection: ConnectionId, address: &str) {
        let Some(at) = self.session_of(connection) else { return };
        let tried = self.round.address();
        let session = &mut self.sessions[at];
        let Link::Dialling(_, pace) = &mut session.link else { return };
        // Only the server that has opened a session is asked for it: the token is for nobody else.
        let known = session.identity.as_ref().filter(|known| at != CURRENT || known.address == tried);
        let wish =
            known.map_or(SessionWish::Open, |known| SessionWish::Resume { id: known.id, token: known.token });
        let mut open = Box::new(Open {
            connection,
            address: address.into(),
            opened: now,
            outgoing: Outgoing::in_order(),
            gathering: Gathering::default(),
            liveness: Liveness::starting(now),
            time: ConnectionTime::starting(now),
            first: String::new(),
            resuming: wish != SessionWish::Open,
            identity: None,
            message_max: self.config.limits.message_max,
            methods: 0,
            accepted: false,
            refused: None,
            useful: false,
            busy_again: Instant::NEVER,
            pace: std::mem::take(pace),
        });
        self.stats.connections += 1;
        self.hello(connection, wish).write(open.outgoing.ready());
        self.sessions[at].link = Link::Greeting(open);
        if wish == SessionWish::Open {
            self.keep_evolved();
            self.ask_for_all(now);
        }
    }

    fn hello(&self, connection: ConnectionId, session: SessionWish) -> Hello {
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
            session,
            credentials: Credentials(self.config.credentials.clone()),
            software: self.config.software.clone(),
        }
    }

    /// In a new session nothing is bound.
    fn ask_for_all(&mut self, now: Instant) {
        for index in 0..self.bindings.len() {
            self.bindings[index].start_over();
            if self.bindings[index].is_held() {
                self.ask(now, BindingId(index as u16));
            }
        }
    }

    /// Asks for a service on the connection that is there, if that was not done; `false` if there is none.
    pub(super) fn ask(&mut self, now: Instant, id: BindingId) -> bool {
        let busy = self.is_busy(CURRENT);
        let Some(open) = self.sessions[CURRENT].link.open_mut() else { return false };
        if open.resuming && open.identity.is_none() {
            return true; // what the session has bound is known with the answer
        }
        let Some(binding) = self.bindings.get_mut(usize::from(id.0)) else { return false };
        if binding.is_idle() {
            if !busy {
                open.liveness.waiting_since(now);
            }
            match binding.ask(u32::from(id.0), open.methods, open.outgoing.ready()) {
                Ok(methods) => open.methods = methods,
                Err(error) => self.table_is_full(now, id, error),
            }
        }
        true
    }

    /// A new session has a new table, with room for the services that are still wanted, unless those alone are too many.
    #[cold]
    fn table_is_full(&mut self, now: Instant, id: BindingId, error: BindError) {
        let wanted = self.bindings.iter().enumerate();
        let wanted = wanted.filter(|(index, binding)| binding.is_held() || *index == usize::from(id.0));
        let methods: usize = wanted.map(|(_, binding)| binding.service.methods.len()).sum();
        if methods > METHOD_TABLE_MAX || self.sessions[CURRENT].ready().is_none() {
            return self.end_binding(id, Err(error));
        }
        self.leave(now, Pace::default());
        self.want_connection(now);
    }

    pub(super) fn handle_welcome(
        &mut self,
        now: Instant,
        at: usize,
        welcome: &Welcome,
    ) -> Result<(), ProtocolError> {
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
        let address = self.round.address();
        let session = &mut self.sessions[at];
        let (known, Link::Greeting(open)) = (&session.identity, &mut session.link) else { return Ok(()) };
        let known = known.as_ref().filter(|_| open.resuming);
        if welcome.resumed
            && known.is_none_or(|known| known.id != welcome.session || known.slots != welcome.slots)
        {
            return malformed("it resumes a session that was not asked for".to_owned());
        }
        let identity = Identity {
            id: welcome.session,
            token: welcome.token,
            domain: welcome.domain,
            slots: welcome.slots,
            lease: Duration::from_millis(u64::from(welcome.lease_ms)),
            address: known.map_or(address, |known| known.address),
            server: open.address.clone(),
            methods: known.filter(|_| welcome.resumed).map_or(open.methods, |known| known.methods),
        };
        // Those that were asked for together with a new session, or those of the session that goes on.
        open.methods = identity.methods;
        let settled = known.is_some_and(|known| known.domain == welcome.domain);
        let lost = open.resuming && !welcome.resumed;
        open.identity = Some(identity);
        open.outgoing.set_checksum(welcome.checksum);
        open.message_max = welcome.message_max as usize;
        open.time = ConnectionTime::starting(now);
        open.liveness.measured(now - open.opened);
        self.codec = Some(codec);
        match (at, lost) {
            _ if welcome.resumed => self.resumed(now, at),
            (CURRENT, true) => {
                self.forget_session(now, at, settled, Some(UNKNOWN_THERE));
                self.ask_for_all(now);
                self.settle_greeting(now);
            }
            (CURRENT, false) => self.settle_greeting(now),
            _ => self.forget_session(now, at, settled, Some(UNKNOWN_THERE)),
        }
        Ok(())
    }

    pub(super) fn handle_reject(&mut self, now: Instant, at: usize, reject: &Reject) {
        let Some(open) = self.sessions[at].link.open() else { return };
        let (address, resuming) = (open.address.to_string(), open.resuming);
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
        if reject.code == RejectCode::NoSession && resuming {
            // It does not say which reply cache it speaks for, so it settles nothing.
            self.forget_session(now, at, false, Some(UNKNOWN_THERE));
        }
        self.fail_bind(now, at, error);
    }

    pub(super) fn handle_bound(
        &mut self,
        now: Instant,
        at: usize,
        bound: Bound,
    ) -> Result<(), ProtocolError> {
        if at != CURRENT {
            return Ok(()); // it was asked for before the session was left
        }
        let link = &mut self.sessions[CURRENT].link;
        let address = link.address().to_owned();
        let number = bound.number;
        let Some(binding) = self.bindings.get_mut(number as usize).filter(|binding| binding.is_asked())
        else {
            let what = format!("it answers binding {number}, which was not asked for");
            return Err(ProtocolError::Malformed { kind: "Bound", what });
        };
        if let BoundResult::Types { part } = &bound.result {
            return binding.gather(part);
        }
        match (link, binding.answered(bound, &address)) {
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
    pub(super) fn settle_greeting(&mut self, now: Instant) {
        let Link::Greeting(open) = &mut self.sessions[CURRENT].link else { return };
        if open.identity.is_none() || self.bindings.iter().any(|binding| binding.is_asked()) {
            return;
        }
        if let Some(error) = open.refused.take().filter(|_| !open.accepted && !self.round.is_single()) {
            return self.fail_bind(now, CURRENT, error);
        }
        self.open_session(now);
        self.settle_ready(now);
    }

    /// The server of the current session takes calls.
    pub(super) fn settle_ready(&mut self, now: Instant) {
        self.round.reached();
        self.asked_for = false;
        for index in 0..self.bindings.len() {
            if let Some(error) = self.bindings[index].refusal() {
                self.end_binding(BindingId(index as u16), Err(error));
            }
        }
        self.move_idempotent(now);
        self.send_waiting(now);
    }

    /// `why` there is no answer to the handshake, with what came of one.
    pub(super) fn with_first_bytes(&self, at: usize, why: &str) -> String {
        match &self.sessions[at].link {
            Link::Greeting(open) if open.identity.is_none() && !open.first.is_empty() => {
                format!("{why}; the peer's first bytes are {}", open.first)
            }
            _ => why.to_owned(),
        }
    }

    /// The server does not let this client in, or has nothing for it.
    pub(super) fn fail_bind(&mut self, now: Instant, at: usize, error: BindError) {
        let Link::Greeting(open) = &mut self.sessions[at].link else { return };
        let (pace, address) = (std::mem::take(&mut open.pace), open.address.clone());
        self.close_connection(
            at,
            Some((CloseCode::GoingAway, "the server has none of the services that the client wants")),
        );
        match at {
            CURRENT => self.fail_address(now, pace, &address, error),
            _ => self.fail_left(now, at, pace, error),
        }
    }
}
