//! The whole server: who is let in.

use super::handshake::reject;
use super::peers::Peers;
use super::room;
use super::session::{Agreed, Session};
use super::share::{Load, Shared};
use super::{Config, Handshake};
use crate::codec::CodecId;
use crate::frame::{Checksum, Hello, PROTOCOL_MAX, RejectCode, SessionWish};
use crate::ids::{Domain, Incarnation, SessionId, Token};
use crate::limits::Limits;
use crate::schema::Signature;
use crate::service::Descriptor;
use crate::stats::Stats;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// When a client that was refused for want of room may come again.
const ROOM_RETRY_MS: u32 = 1000;

/// Connections beyond the limit that are told so: this part of it, and so many more.
const REFUSED_PART: usize = 8;
const REFUSED_MIN: usize = 16;

/// Randomness for a new session, from the driver.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Its public number. Unique for as long as the server runs.
    pub session: SessionId,
    /// Its secret.
    pub token: Token,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub enum Arrival {
    /// It is counted, until [`Endpoint::handle_disconnected`], and is to say who it is.
    Handshake(Handshake),
    /// There are too many. It is counted: write these bytes, and close it.
    Refuse(Vec<u8>),
    /// There are so many that this one is not even told. It is not counted: close it.
    Drop,
}

/// The answer to a `Hello`.
pub enum Admission {
    /// A session of its own. Attach the connection to it, by [`Session::handle_connected`].
    Open(Box<Session>),
    /// Attach the connection to the session that is there. If that says that it is over by now, report it by
    /// [`Endpoint::handle_session_over`] and ask [`Endpoint::handle_hello`] again.
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

/// A session that lives.
struct Known {
    token: Token,
    /// Who has opened it.
    peer: Arc<str>,
}

/// Where the handlers of a server run. See [`Limits::executing_max`].
#[derive(Clone, Debug)]
pub struct Places(Arc<Load>);

impl Places {
    /// Whether one is free now. Costs one load.
    #[inline]
    pub fn has_one(&self) -> bool {
        self.0.has(Shared::Executing)
    }
}

/// The machine of the whole server.
pub struct Endpoint {
    config: Arc<Config>,
    incarnation: Incarnation,
    services: Arc<Services>,
    /// What resumes the sessions that live.
    tokens: BTreeMap<SessionId, Known>,
    peers: Peers,
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
        Self {
            peers: Peers::new(&config.limits),
            config: Arc::new(config),
            incarnation,
            services,
            tokens: BTreeMap::new(),
            connections: 0,
            draining: false,
            past: Stats::default(),
        }
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

    /// From now on no session is opened. Those that live can still be resumed.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// A connection was accepted. `peer` names whoever is to have no more than a peer's part: not the single connection.
    pub fn handle_connected(&mut self, now: Instant, peer: &str) -> Arrival {
        let limits = &self.config.limits;
        let ways = [
            (self.connections, limits.connections_max, "connections are open already"),
            (
                self.peers.connections(peer),
                limits.connections_per_peer,
                "connections of this client are open already",
            ),
        ];
        if ways.iter().any(|(open, most, _)| *open >= most.saturating_add(most / REFUSED_PART + REFUSED_MIN))
        {
            return Arrival::Drop;
        }
        let over = ways.into_iter().find(|(open, most, _)| open >= most);
        self.connections += 1;
        self.peers.add_connection(peer, limits);
        match over {
            None => Arrival::Handshake(Handshake::new(now + limits.handshake)),
            Some((_, most, what)) => {
                let mut out = Vec::new();
                reject(RejectCode::TooMany, ROOM_RETRY_MS, &format!("{most} {what}")).write(&mut out);
                Arrival::Refuse(out)
            }
        }
    }

    /// A connection of this peer is gone.
    pub fn handle_disconnected(&mut self, peer: &str) {
        self.connections = self.connections.saturating_sub(1);
        self.peers.remove_connection(peer);
    }

    /// The first frame of a connection. `fresh` is used if it opens a session: if it asks for one, or for one that is not known.
    pub fn handle_hello(&mut self, _now: Instant, peer: &str, hello: &Hello, fresh: Fresh) -> Admission {
        let limits = &self.config.limits;
        if let SessionWish::Resume { id, token } = &hello.session {
            // Who has the number alone, which is no secret, is told no more than who has made it up.
            if self.tokens.get(id).is_some_and(|known| known.token.matches(token)) {
                return Admission::Resume(*id);
            }
            if mutant!(UnknownSessionResumes) {
                let mut admission = self.open(peer, hello, Fresh { session: *id, token: Token(token.0) });
                if let Admission::Open(session) = &mut admission {
                    session.welcomed = true;
                }
                return admission;
            }
            if self.draining {
                return refuse(RejectCode::NoSession, ROOM_RETRY_MS, "the session is not known here");
            }
        }
        if self.draining {
            return refuse(RejectCode::Draining, ROOM_RETRY_MS, "the server is going away");
        }
        if self.tokens.len() >= limits.sessions_max {
            let reason = format!("{} sessions are open already", limits.sessions_max);
            return refuse(RejectCode::TooMany, ROOM_RETRY_MS, &reason);
        }
        if self.peers.sessions(peer) >= limits.sessions_per_peer {
            let reason = format!("{} sessions of this client are open already", limits.sessions_per_peer);
            return refuse(RejectCode::TooMany, ROOM_RETRY_MS, &reason);
        }
        if room::is_exhausted(self.peers.replies()) {
            let reason = "the replies of other sessions take all the room that there is";
            return refuse(RejectCode::TooMany, ROOM_RETRY_MS, reason);
        }
        if self.peers.replies_of(peer).is_some_and(room::is_exhausted) {
            let reason = "the replies of this client's sessions take all the room that one client may have";
            return refuse(RejectCode::TooMany, ROOM_RETRY_MS, reason);
        }
        self.open(peer, hello, fresh)
    }

    fn open(&mut self, peer: &str, hello: &Hello, fresh: Fresh) -> Admission {
        let (config, limits) = (&self.config, &self.config.limits);
        let known = |number: &u8| CodecId::from_wire(*number).filter(|codec| config.codecs.contains(codec));
        let Some(codec) = hello.codecs.iter().find_map(known) else {
            let ours: Vec<_> = config.codecs.iter().map(|codec| format!("{codec:?}")).collect();
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
            checksum: match hello.checksum {
                Checksum::HeaderOnly => config.checksum,
                Checksum::Whole => Checksum::Whole,
            },
            slots: limits.slots.min(hello.slots).max(1),
            reply_max: limits.message_max.min(hello.message_max as usize),
            incarnation: self.incarnation,
            domain: self.domain(),
        };
        let (share, pool) = self.peers.add_session(peer, &self.config.limits);
        self.tokens.insert(agreed.id, Known { token: agreed.token, peer: self.peers.name(peer) });
        let (config, services) = (config.clone(), self.services.clone());
        Admission::Open(Box::new(Session::new(agreed, config, services, pool, share)))
    }

    /// With replies in memory, the reply cache lives and dies with the process.
    fn domain(&self) -> Domain {
        let mut domain = [0; 16];
        domain[..8].copy_from_slice(&self.incarnation.0.to_le_bytes());
        Domain(domain)
    }

    /// A session is [over](Session::is_over): it is not known any more, and its counts go into the totals. Reporting it twice
    /// does no harm.
    pub fn handle_session_over(&mut self, session: &Session) {
        if let Some(known) = self.tokens.remove(&session.id()) {
            self.peers.remove_session(&known.peer);
            self.past += session.stats();
        }
    }

    /// The name of a peer that has a connection: the one copy that all of its sessions share.
    pub fn peer_name(&self, peer: &str) -> Arc<str> {
        self.peers.name(peer)
    }

    /// Whether this session lives, as far as was reported.
    pub fn knows(&self, session: SessionId) -> bool {
        self.tokens.contains_key(&session)
    }

    /// Bytes that all sessions together have taken for their replies: what they keep, and what they hold ready.
    pub fn replies_kept(&self) -> usize {
        self.peers.replies().taken()
    }

    /// Where handlers run, to be asked by whoever keeps those that wait.
    pub fn places(&self) -> Places {
        Places(self.peers.load())
    }

    /// Counts of the sessions that are over, and what there is now of all. The driver adds those of the sessions that it
    /// has not reported.
    pub fn stats(&self) -> Stats {
        let mut stats = self.past;
        stats.connections = self.connections as u64;
        stats.sessions = self.tokens.len() as u64;
        [stats.executing, stats.queued, stats.bytes_held] = self.peers.taken().map(|taken| taken as u64);
        stats
    }
}

fn refuse(code: RejectCode, retry_after_ms: u32, reason: &str) -> Admission {
    let mut out = Vec::new();
    reject(code, retry_after_ms, reason).write(&mut out);
    Admission::Refuse(out)
}
