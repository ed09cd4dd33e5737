//! The client's machine: one for a channel. It numbers calls, writes requests, matches replies, watches deadlines and
//! connections, resumes its session when one is lost, and decides when and where to dial.
//!
//! Inputs are `handle_*` and the commands `bind`, `start`, `give_up`, `close`; after each of them the driver drains
//! [`Client::poll_output`] until it says [`Output::Wait`], and writes what [`Client::poll_transmit`] hands out.

mod binding;
mod budget;
mod calls;
mod frames;
mod giving_up;
mod handshake;
mod jitter;
mod link;
mod losing;
mod outcomes;
mod replies;
mod resuming;
mod retry;
mod retrying;
mod round;
mod sending;
mod session;
mod slots;
mod timers;

use crate::codec::{CodecId, Coding};
use crate::connection::Transmit;
use crate::error::{BindError, Code, Error};
use crate::frame::{Checksum, Ping};
use crate::ids::RequestId;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::service::{Descriptor, Reply};
use crate::stats::Stats;
use crate::time::Instant;
use binding::Binding;
use budget::Budget;
use calls::Calls;
use link::Pace;
pub use outcomes::Outcome;
use outcomes::Outcomes;
pub use retry::Retry;
use round::Round;
use session::{CURRENT, Session};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What a channel is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds of memory and time.
    pub limits: Limits,
    /// Codecs that may be used, the preferred one first. Default: bincode alone.
    pub codecs: Vec<CodecId>,
    /// What checksums cover. [`Checksum::HeaderOnly`] takes effect if the other side says so too: sensible only over a
    /// stream that protects its bytes, such as TLS. Default: header and payload.
    pub checksum: Checksum,
    /// Shown to the server in the handshake. Default: none.
    pub credentials: Vec<u8>,
    /// Name and version of this program, for the server's logs. Default `carnegie` and this crate's version.
    pub software: String,
    /// How many addresses the driver can dial. Default: one.
    pub addresses: usize,
    /// The longest that going once around all addresses may take, from the first dial to the agreement. Each address gets
    /// an even share of what is left of it, but a quarter at least. Default: 5 s.
    pub connect_window: Duration,
    /// How long a first binding waits for a server that is not running yet: the last round begins when this is over.
    /// Default zero: it fails when every address has failed once.
    pub wait_for_server: Duration,
    /// How often calls are attempted again. Default: [`Retry::default`].
    pub retry: Retry,
    /// Every call is made with [`NewCall::fail_fast`], and a lost connection is made again whether a call waits for it or not.
    /// Default: no.
    pub fail_fast: bool,
    /// Where the memory for a large message comes from: a buffer that is empty and has room for so many bytes. The buffer is
    /// handed on with the message. Default: a new one.
    pub memory: fn(usize) -> Vec<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            codecs: vec![CodecId::Bincode],
            credentials: Vec::new(),
            checksum: Checksum::Whole,
            software: concat!("carnegie ", env!("CARGO_PKG_VERSION")).to_owned(),
            addresses: 1,
            connect_window: Duration::from_secs(5),
            wait_for_server: Duration::ZERO,
            retry: Retry::default(),
            fail_fast: false,
            memory: Vec::with_capacity,
        }
    }
}

/// One byte stream, from [`Output::Dial`] to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// A service that this channel is bound to, or is about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BindingId(pub u16);

/// Names a call for as long as the machine knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKey {
    /// Small and used again: fit for an index.
    pub index: u32,
    /// Tells the calls apart that had the same index.
    pub generation: u32,
}

/// A call that is to be made.
#[derive(Debug)]
pub struct NewCall {
    /// The service.
    pub binding: BindingId,
    /// Index of the method in the service's descriptor.
    pub method: u16,
    /// When the call ends, with or without an answer.
    pub deadline: Instant,
    /// The time that the call was given, for its error.
    pub timeout: Duration,
    /// Pairs of text that go with it.
    pub metadata: Option<Box<Metadata>>,
    /// The arguments, encoded.
    pub payload: Vec<u8>,
    /// It does not wait for a connection: it ends with [`Execution::NotExecuted`](crate::Execution::NotExecuted) as soon as none is
    /// ready that its request could go to. Without effect from when its request was handed out.
    pub fail_fast: bool,
}

/// What the driver must do.
#[derive(Debug)]
pub enum Output {
    /// Open a byte stream, and report [`Client::handle_dialled`] or [`Client::handle_dial_failed`].
    Dial {
        /// The stream that is to be opened.
        connection: ConnectionId,
        /// Index of the address that it shall lead to, below [`Config::addresses`].
        address: usize,
        /// When it is to be given up.
        within: Duration,
    },
    /// Write what [`Client::poll_transmit`] still gives, then close the stream. Nothing needs to be reported.
    Close(ConnectionId),
    /// A binding is agreed, or cannot be had.
    Bound(BindingId, Result<(), Box<BindError>>),
    /// A call has ended: [`Client::take`] gives how. Said at most once for each call, and not for one that was given up, or whose
    /// end was taken before.
    Ended(CallKey),
    /// What [`Client::outcome`] says of this call is no longer [`Outcome::Pending`].
    Settled(RequestId),
    /// Nothing more for now; call [`Client::handle_timeout`] at this time.
    Wait(Instant),
}

/// The machine. See the [module](self).
pub struct Client {
    config: Config,
    /// The first one is that which new calls go to. The others were left, by a failover or because their server drains, and
    /// live until the calls that were written to them have their answers.
    sessions: Vec<Session>,
    sessions_made: u32,
    round: Round,
    bindings: Vec<Binding>,
    calls: Calls,
    /// Calls without a slot, in order. May hold keys of calls that have ended meanwhile.
    waiting: VecDeque<CallKey>,
    /// Some of them may be such as do not wait for a connection.
    hurried: bool,
    /// A call that did not wait has asked for a connection, for those that come after it. Until there is one, or every address was
    /// tried.
    asked_for: bool,
    /// Calls that are tried again later, by that time. May hold keys of calls that have ended meanwhile.
    resting: BTreeSet<(Instant, CallKey)>,
    budget: Budget,
    outcomes: Outcomes,
    outputs: VecDeque<Output>,
    stats: Stats,
    dialled: u32,
    /// Fixed by the first handshake: calls that wait are encoded already, so a later server must take it too.
    codec: Option<CodecId>,
    /// What connections that are about to be closed have still to write.
    farewells: Vec<(ConnectionId, Vec<u8>)>,
    /// State of a generator that spreads redials; not for secrets.
    jitter: u64,
    closed: bool,
}

impl Client {
    /// A channel that has no connection yet. `seed` spreads the redials of many clients; any number will do.
    pub fn new(mut config: Config, seed: u64) -> Self {
        config.limits = config.limits.sane();
        config.retry = config.retry.sane();
        let round = Round::new(config.addresses, config.connect_window);
        let (budget, outcomes) = (Budget::new(&config.retry), Outcomes::new(&config.limits));
        Self {
            config,
            sessions: vec![Session::new(0, Pace::default())],
            sessions_made: 1,
            round,
            bindings: Vec::new(),
            calls: Calls::default(),
            waiting: VecDeque::new(),
            hurried: false,
            asked_for: false,
            resting: BTreeSet::new(),
            budget,
            outcomes,
            outputs: VecDeque::new(),
            stats: Stats::default(),
            dialled: 0,
            codec: None,
            farewells: Vec::new(),
            jitter: seed | 1,
            closed: false,
        }
    }

    /// Binds the channel to a service, over the connection that is there or a new one. [`Output::Bound`] follows. A service
    /// that was asked for before keeps its id, and what the server has said of it on this connection is not asked again.
    pub fn bind(&mut self, now: Instant, service: &'static Descriptor) -> BindingId {
        let known = self.bindings.iter().position(|binding| std::ptr::eq(binding.service, service));
        let index = known.unwrap_or_else(|| {
            self.bindings.push(Binding::new(service));
            self.bindings.len() - 1
        });
        let id = BindingId(index as u16);
        // Whoever was to be told an outcome that stands in the queue still waits as well: all hear the same.
        self.outputs.retain(|output| !matches!(output, Output::Bound(of, _) if *of == id));
        let binding = &mut self.bindings[index];
        binding.await_outcome(now);
        if self.closed {
            self.end_binding(id, Err(BindError::Closed));
        } else if !binding.fits() {
            let why =
                format!("the methods of {} do not fit into one frame; shorten their names", service.name);
            self.end_binding(id, Err(BindError::ProtocolMismatch { address: "any server".to_owned(), why }));
        } else if let Some(outcome) =
            binding.outcome().filter(|outcome| self.sessions[CURRENT].link.vouches_for(outcome))
        {
            self.end_binding(id, outcome);
        } else if !self.ask(now, id) {
            self.want_connection(now);
        }
        id
    }

    /// One more user of a binding that is agreed already.
    pub fn hold(&mut self, id: BindingId) {
        if let Some(binding) = self.bindings.get_mut(usize::from(id.0)) {
            binding.hold();
        }
    }

    /// Nobody uses this binding any more, or waits for it: further connections do without it, until it is bound again.
    pub fn unbind(&mut self, id: BindingId) {
        if let Some(binding) = self.bindings.get_mut(usize::from(id.0)) {
            binding.let_go();
        }
    }

    /// Whether there is a connection, and its server has agreed to the binding.
    pub fn is_bound(&self, id: BindingId) -> bool {
        !self.closed
            && self.sessions[CURRENT].link.open().is_some()
            && self.bindings.get(usize::from(id.0)).is_some_and(Binding::is_agreed)
    }

    /// Whether the server has this method and understands it as this client does, but perhaps for variants that one side
    /// has appended to an enum. While there is no connection: whether the last server had it.
    ///
    /// # Errors
    /// What a call of the method would end with on that server.
    pub fn supports(&self, binding: BindingId, method: u16) -> Result<(), Error> {
        match self.bindings.get(usize::from(binding.0)) {
            Some(binding) => binding.check(method, self.sessions[CURRENT].link.address()),
            None => Err(Error::NotSent {
                method: "",
                why: "there is no such binding".to_owned(),
                code: Code::FailedPrecondition,
            }),
        }
    }

    /// How this channel writes and reads payloads: in the codec that the first server has chosen, before that in the
    /// preferred one.
    pub fn coding(&self) -> Coding {
        let codec = self.codec.or(self.config.codecs.first().copied()).unwrap_or(CodecId::Bincode);
        Coding::new(codec, &self.config.limits)
    }

    /// The limits that this channel was made with, each in its range.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The server's address, while there is a connection.
    pub fn server_address(&self) -> Option<&str> {
        self.sessions[CURRENT].link.open().map(|open| &*open.address)
    }

    /// Ends all calls and bindings, tells the servers, and closes the connections. Whatever comes later fails at once.
    pub fn close(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        self.closed = true;
        for index in 0..self.bindings.len() {
            self.end_binding(BindingId(index as u16), Err(BindError::Closed));
        }
        for at in 0..self.sessions.len() {
            self.end_session(now, at, "the client closes the channel", "the channel was closed");
        }
        let resting = std::mem::take(&mut self.resting).into_iter().map(|(_, key)| key);
        for key in std::mem::take(&mut self.waiting).into_iter().chain(resting) {
            self.end_not_sent(key, "the channel is closed", Code::Cancelled);
        }
        for id in self.outcomes.clear() {
            self.outputs.push_back(Output::Settled(id));
        }
    }

    /// What the driver must do next.
    #[inline]
    pub fn poll_output(&mut self) -> Output {
        loop {
            match self.outputs.pop_front() {
                None => return Output::Wait(self.next_timeout()),
                // Of a call that was given up since, or whose end was taken.
                Some(Output::Ended(key)) if !self.calls.has_ended(key) => {}
                Some(output) => return output,
            }
        }
    }

    /// How a call has ended, once. `None` while it has not, and for one that was given up. What nobody takes is kept until the
    /// call is given up.
    #[inline]
    pub fn take(&mut self, key: CallKey) -> Option<Result<Reply, Box<Error>>> {
        let ended = self.calls.take(key)?;
        Some(ended.map(|answered| Reply {
            verdict: answered.verdict,
            payload: answered.payload,
            coding: self.coding(),
            method: self.method_name(answered.binding, answered.method),
            request_id: answered.request_id,
            evolution: answered.evolution,
        }))
    }

    /// Calls that have not ended, and those whose end nobody has taken.
    pub fn calls_len(&self) -> usize {
        self.calls.len()
    }

    /// Appends what is to be written on a connection now, about [`TRANSMIT_LEN`](crate::limits::TRANSMIT_LEN) at most; `false` if
    /// there is nothing. What it hands out counts as written: from then on the server may have it.
    #[inline]
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        into: &mut impl Transmit,
    ) -> bool {
        let Some(open) = self.open_mut(connection) else { return self.farewell(connection, into.bytes()) };
        let (before, handed_out) = (into.held(), open.outgoing.handed_out());
        let some = open.outgoing.transmit(into, open.time);
        if some {
            open.liveness.handed_out(now, handed_out);
            if let Some(number) = open.liveness.measure(now, open.outgoing.handed_out()) {
                Ping { number }.write(open.outgoing.ready());
            }
        }
        self.stats.bytes_out += (into.held() - before) as u64;
        if some && !self.waiting.is_empty() {
            self.send_waiting(now);
        }
        some
    }

    /// The stream was full, and has taken more of what was handed out: on a slow line as good a sign of life as an answer.
    /// Not to be called for what a stream takes that was not full: its buffer takes the first bytes whether the peer
    /// lives or not.
    pub fn handle_progress(&mut self, now: Instant, connection: ConnectionId) {
        if let Some(open) = self.open_mut(connection) {
            open.liveness.heard(now);
        }
    }

    /// Whether [`Client::poll_transmit`] has something.
    #[inline]
    pub fn has_outgoing(&self, connection: ConnectionId) -> bool {
        let open = self.session_of(connection).and_then(|at| self.sessions[at].link.open());
        open.is_some_and(|open| open.outgoing.backlog() > 0)
    }

    /// Which of the sessions a connection belongs to.
    #[inline]
    fn session_of(&self, connection: ConnectionId) -> Option<usize> {
        self.sessions.iter().position(|session| session.link.connection() == Some(connection))
    }

    #[inline]
    fn open_mut(&mut self, connection: ConnectionId) -> Option<&mut link::Open> {
        let at = self.session_of(connection)?;
        self.sessions[at].link.open_mut()
    }

    #[cold]
    fn farewell(&mut self, connection: ConnectionId, into: &mut Vec<u8>) -> bool {
        let Some(at) = self.farewells.iter().position(|(of, _)| *of == connection) else { return false };
        let (_, mut last) = self.farewells.swap_remove(at);
        self.stats.bytes_out += last.len() as u64;
        into.append(&mut last);
        true
    }

    /// Slots in use, those in quarantine included, of all sessions.
    pub fn slots_in_use(&self) -> usize {
        self.sessions.iter().map(|session| session.slots.in_use()).sum()
    }

    /// What became of a call that has ended with [`Execution::Unknown`](crate::Execution::Unknown). [`Output::Settled`] says when to
    /// ask again.
    pub fn outcome(&mut self, now: Instant, id: RequestId) -> Outcome {
        self.outcomes.get(now, id)
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn end_binding(&mut self, id: BindingId, result: Result<(), BindError>) {
        if let Some(binding) = self.bindings.get_mut(usize::from(id.0))
            && binding.settle(&result)
        {
            self.outputs.push_back(Output::Bound(id, result.map_err(Box::new)));
        }
    }
}
