//! The whole server: who is let in.

use super::handshake::reject;
use super::session::{Agreed, Session};
use super::{Config, Handshake};
use crate::codec::CodecId;
use crate::frame::{Hello, PROTOCOL_MAX, RejectCode, SessionWish};
use crate::ids::{Domain, Incarnation, SessionId, Token};
use crate::limits::Limits;
use crate::schema::Signature;
use crate::service::Descriptor;
use crate::stats::Stats;
use crate::time::Instant;
use std::sync::Arc;

/// When a client that was refused for want of room may come again.
const ROOM_RETRY_MS: u32 = 1000;

/// Randomness for a new session, from the driver.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Its public number. Unique for as long as the server runs.
    pub session: SessionId,
    /// Its secret.
    pub token: Token,
}

/// The answer to a `Hello`.
pub enum Admission {
    /// A session of its own. Attach the connection to it.
    Open(Box<Session>),
    /// Attach the connection to the session that is there.
    Resume(SessionId),
    /// Write these bytes, then close the connection.
    Refuse(Vec<u8>),
}

/// The services of a server, with what is compared at every binding.
pub(super) struct Services {
    pub(super) all: Vec<&'static Descriptor>,
    pub(super) fingerprints: Vec<Vec<u64>>,
    /// What fingerprints are made of, for clients whose own differ.
    pub(super) signatures: Vec<Vec<Signature>>,
}

/// The machine of the whole server.
pub struct Endpoint {
    config: Config,
    incarnation: Incarnation,
    services: Arc<Services>,
    connections: usize,
    draining: bool,
    /// Of sessions that are over.
    past: Stats,
}

impl Endpoint {
    /// A server of these services. Names may stand there several times with different major versions; see
    /// [`Endpoint::duplicate`].
    pub fn new(mut config: Config, incarnation: Incarnation, services: Vec<&'static Descriptor>) -> Self {
        config.limits = config.limits.sane();
        let signatures: Vec<Vec<_>> = services.iter().map(|service| service.signatures()).collect();
        let fingerprints =
            signatures.iter().map(|all| all.iter().map(Signature::fingerprint).collect()).collect();
        let services = Arc::new(Services { all: services, fingerprints, signatures });
        Self { config, incarnation, services, connections: 0, draining: false, past: Stats::default() }
    }

    /// A service that stands there twice under one name and major version: a client could not tell them apart.
    pub fn duplicate(services: &[&'static Descriptor]) -> Option<&'static Descriptor> {
        let same = |a: &Descriptor, b: &Descriptor| a.name == b.name && a.version.0 == b.version.0;
        services
            .iter()
            .enumerate()
            .find(|(at, s)| services[..*at].iter().any(|t| same(s, t)))
            .map(|(_, s)| *s)
    }

    /// The limits that this server was made with, each in its range.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The run of the process that this server belongs to.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// From now on no session is opened.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// A connection was accepted.
    pub fn handle_connected(&mut self, now: Instant) -> Handshake {
        self.connections += 1;
        Handshake::new(now + self.config.limits.handshake)
    }

    /// A connection is gone.
    pub fn handle_disconnected(&mut self) {
        self.connections = self.connections.saturating_sub(1);
    }

    /// The first frame of a connection. `fresh` is used if it opens a session.
    pub fn handle_hello(&mut self, _now: Instant, hello: &Hello, fresh: Fresh) -> Admission {
        let refuse = |code, retry_after_ms, reason: &str| {
            let mut out = Vec::new();
            reject(code, retry_after_ms, reason).write(&mut out);
            Admission::Refuse(out)
        };
        if self.draining {
            return refuse(RejectCode::Draining, ROOM_RETRY_MS, "the server is going away");
        }
        if self.connections > self.config.limits.connections_max {
            let reason = format!("{} connections are open already", self.config.limits.connections_max);
            return refuse(RejectCode::TooMany, ROOM_RETRY_MS, &reason);
        }
        if let SessionWish::Resume { .. } = hello.session {
            return refuse(RejectCode::NoSession, 0, "the session is not known here");
        }
        let known =
            |number: &u8| CodecId::from_wire(*number).filter(|codec| self.config.codecs.contains(codec));
        let Some(codec) = hello.codecs.iter().find_map(known) else {
            let ours: Vec<_> = self.config.codecs.iter().map(|codec| format!("{codec:?}")).collect();
            let reason = format!(
                "no common codec: the client offers {:?}, the server has {}",
                hello.codecs,
                ours.join(", ")
            );
            return refuse(RejectCode::Codec, 0, &reason);
        };
        let agreed = Agreed {
            id: fresh.session,
            token: fresh.token,
            protocol: PROTOCOL_MAX.min(hello.protocol_max),
            codec,
            slots: self.config.limits.slots.min(hello.slots).max(1),
            incarnation: self.incarnation,
            domain: self.domain(),
        };
        let session = Session::new(agreed, self.config.clone(), self.services.clone());
        Admission::Open(Box::new(session))
    }

    /// With replies in memory, the reply cache lives and dies with the process.
    fn domain(&self) -> Domain {
        let mut domain = [0; 16];
        domain[..8].copy_from_slice(&self.incarnation.0.to_le_bytes());
        Domain(domain)
    }

    /// A session is over: its counts go into the totals.
    pub fn handle_session_over(&mut self, session: &Session) {
        self.past += session.stats();
    }

    /// Counts of the sessions that are over, and the connections that are open. The driver adds those of the sessions that live.
    pub fn stats(&self) -> Stats {
        let mut stats = self.past;
        stats.connections = self.connections as u64;
        stats
    }
}
