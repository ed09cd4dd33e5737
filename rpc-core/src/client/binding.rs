//! What was agreed with the server about one service.

use crate::codec::Coding;
use crate::error::{Attempts, BindError, Error, Execution, NAME_MAX, Offer, ProtocolError, shown};
use crate::frame::{Bind, BindMethod, Bound, BoundMethod, BoundResult, Suggestion};
use crate::limits::METHOD_TABLE_MAX;
use crate::schema::{
    COMPARISONS_MAX, Difference, Evolution, Signature, TYPES_MAX, read_signature, read_types,
};
use crate::service::{Descriptor, Method, Parts};
use crate::time::Instant;
use std::sync::Arc;

/// Bytes of types that may go ahead of an answer: what a server sends at most, and their number.
const GATHERED_MAX: usize = TYPES_MAX + 16;

/// Comparisons of types in one binding, over all of its methods: the server may have made its types up.
const BINDING_COMPARISONS_MAX: usize = 1 << 19;

/// Why it is not known where a method's types differ.
const UNSAID: &str = "the server did not say where";
const UNREADABLE: &str = "what the server says of its types cannot be read";

/// ```text
///         Bind is written          Bound: accepted
///  Idle ------------------> Asked ------------------> Agreed --+
///   ^                         | Bound: refused                 |
///   |                         +-------------> Failed           |
///   +----- the connection is gone: at once -----+              |
///   +----- the next one is there ------------------------------+
/// ```
enum State {
    Idle,
    Asked,
    Agreed { methods: Vec<Agreement>, server: (u16, u16) },
    Failed(Arc<BindError>),
}

/// What comes of the server's word on one method.
enum Agreement {
    /// Perhaps with values that only one side knows: see [`Binding::evolution`].
    Usable,
    Missing(Option<Suggestion>),
    Differs {
        differences: Vec<Difference>,
        untold: Option<&'static str>,
        runs_once: bool,
    },
}

/// One service of this channel.
pub(super) struct Binding {
    pub(super) service: &'static Descriptor,
    /// Where its methods start in the session's table. Of the present connection, if it was asked for there.
    pub(super) base: u16,
    /// When the user asked for it last.
    pub(super) since: Instant,
    /// The user waits for the outcome.
    awaited: bool,
    /// Somebody calls through it, or is about to: it is asked for on every connection.
    held: bool,
    state: State,
    /// The usable methods whose types are not quite the same: as a rule there are none.
    evolved: Vec<(u16, Arc<Evolution>)>,
    fingerprints: Vec<u64>,
    /// Types that the server has sent ahead of its answer.
    types: Vec<u8>,
}

impl Binding {
    pub(super) fn new(service: &'static Descriptor) -> Self {
        let fingerprints = service.signatures().iter().map(Signature::fingerprint).collect();
        let (base, since) = (0, Instant::default());
        let (state, evolved, types) = (State::Idle, Vec::new(), Vec::new());
        Self { service, base, since, awaited: false, held: false, state, evolved, fingerprints, types }
    }

    /// Somebody wants to call through it, and waits for the outcome.
    pub(super) fn await_outcome(&mut self, now: Instant) {
        if !self.awaited {
            (self.awaited, self.since) = (true, now);
        }
        self.held = true;
    }

    /// A call waits for it.
    pub(super) fn hold(&mut self) {
        self.held = true;
    }

    /// Nobody wants it any more.
    pub(super) fn let_go(&mut self) {
        (self.awaited, self.held) = (false, false);
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked)
    }

    #[inline]
    pub(super) fn is_agreed(&self) -> bool {
        matches!(self.state, State::Agreed { .. })
    }

    /// What the server of the present or the last connection has said; none if it was not asked, or has not answered.
    pub(super) fn outcome(&self) -> Option<Result<(), BindError>> {
        match &self.state {
            State::Idle | State::Asked => None,
            State::Agreed { .. } => Some(Ok(())),
            State::Failed(error) => Some(Err(BindError::clone(error))),
        }
    }

    /// Asks the server of the present connection, in whose table so many places are taken. The first place behind it.
    pub(super) fn ask(&mut self, number: u32, taken: u16, out: &mut Vec<u8>) -> Result<u16, BindError> {
        let count = self.service.methods.len();
        if usize::from(taken) + count > METHOD_TABLE_MAX {
            let (service, taken) = (self.service.name, usize::from(taken));
            return Err(BindError::TableFull { service, methods: count, taken, limit: METHOD_TABLE_MAX });
        }
        self.base = taken;
        self.state = State::Asked;
        self.types.clear();
        self.frame(number).write(out);
        Ok(taken + count as u16)
    }

    /// The connection is gone: another server, or the same one restarted, may take what was refused.
    pub(super) fn forget_refusal(&mut self) {
        if !self.is_agreed() {
            self.state = State::Idle;
        }
    }

    /// Another connection is there.
    pub(super) fn start_over(&mut self) {
        self.state = State::Idle;
        self.evolved.clear();
    }

    /// Whether its methods fit into one frame: otherwise no server can be asked.
    pub(super) fn fits(&self) -> bool {
        self.frame(0).fits()
    }

    pub(super) fn frame(&self, number: u32) -> Bind {
        let methods = self.service.methods.iter().zip(&self.fingerprints);
        Bind {
            number,
            base: self.base,
            service: self.service.name.to_owned(),
            version: self.service.version,
            methods: methods
                .map(|(method, fingerprint)| BindMethod {
                    name: method.name.to_owned(),
                    fingerprint: *fingerprint,
                    idempotent: method.idempotent,
                    since: method.since,
                })
                .collect(),
        }
    }

    /// Types that belong to the server's answer, which follows.
    pub(super) fn gather(&mut self, part: &[u8]) -> Result<(), ProtocolError> {
        if part.len() > GATHERED_MAX.saturating_sub(self.types.len()) {
            let what = format!("more than {GATHERED_MAX} bytes of types for {}", self.service.name);
            return Err(ProtocolError::LimitExceeded { what });
        }
        self.types.extend_from_slice(part);
        Ok(())
    }

    /// The server's answer.
    pub(super) fn answered(&mut self, bound: Bound, address: &str) -> Result<(), BindError> {
        let address = address.to_owned();
        let mut gathered = std::mem::take(&mut self.types);
        match bound.result {
            BoundResult::Accepted { version, .. } if version.0 != self.service.version.0 => {
                let Descriptor { name, version: (major, minor), .. } = self.service;
                let why = format!(
                    "{name} {major}.{minor} was asked for, and taken for its {name} {}.{}",
                    version.0, version.1
                );
                Err(BindError::ProtocolMismatch { address, why })
            }
            BoundResult::Accepted { version, methods, types }
                if methods.len() == self.service.methods.len() =>
            {
                gathered.extend(types);
                let methods = self.agree(methods, &gathered, &address);
                self.state = State::Agreed { methods, server: version };
                Ok(())
            }
            BoundResult::Accepted { methods, .. } => {
                let why = format!(
                    "{} methods were asked for, {} answered",
                    self.service.methods.len(),
                    methods.len()
                );
                Err(BindError::ProtocolMismatch { address, why })
            }
            BoundResult::NotFound { offered } => {
                Err(BindError::ServiceNotFound { address, wanted: self.service.name.to_owned(), offered })
            }
            BoundResult::OtherVersion { offered } => Err(BindError::VersionMismatch {
                address,
                wanted: Offer { name: self.service.name.to_owned(), version: self.service.version },
                offered,
            }),
            BoundResult::Types { .. } => {
                Err(BindError::ProtocolMismatch { address, why: "types instead of an answer".to_owned() })
            }
        }
    }

    /// Finds where the methods differ that the server does not take for the same.
    fn agree(&mut self, methods: Vec<BoundMethod>, types: &[u8], address: &str) -> Vec<Agreement> {
        let (types, mut left) = (read_types(types), BINDING_COMPARISONS_MAX);
        let judge = |(index, (ours, theirs)): (usize, (&Method, BoundMethod))| match theirs {
            BoundMethod::Usable => Agreement::Usable,
            BoundMethod::Missing { suggestion } => Agreement::Missing(suggestion),
            BoundMethod::RunsOnce => {
                Agreement::Differs { differences: Vec::new(), untold: None, runs_once: true }
            }
            BoundMethod::Differs { runs_once, structure } => {
                let there = types.as_ref().and_then(|types| read_signature(types, &structure));
                let Some(there) = there else {
                    let untold = Some(if structure.is_empty() { UNSAID } else { UNREADABLE });
                    return Agreement::Differs { differences: Vec::new(), untold, runs_once };
                };
                let here = ours.signature();
                let most = left.min(COMPARISONS_MAX);
                let mut unused = most;
                let compared = here.compare_within(&there, ours.name, &mut unused);
                left -= most - unused;
                if runs_once || !compared.differences.is_empty() {
                    return Agreement::Differs { differences: compared.differences, untold: None, runs_once };
                }
                if !compared.appended.is_empty() {
                    let evolution = Evolution::new(here, there, &compared, address);
                    self.evolved.push((index as u16, Arc::new(evolution)));
                }
                Agreement::Usable
            }
        };
        self.service.methods.iter().zip(methods).enumerate().map(judge).collect()
    }

    /// The server does not have it. Whoever waits for it is told later, if no other server has it either.
    pub(super) fn refused(&mut self, error: BindError) {
        self.state = State::Failed(Arc::new(error));
    }

    /// Why the server does not have it, if the user has not been told yet.
    pub(super) fn refusal(&self) -> Option<BindError> {
        match &self.state {
            State::Failed(error) if self.awaited => Some(BindError::clone(error)),
            _ => None,
        }
    }

    /// Records an outcome; `true` if the user waits for it.
    pub(super) fn settle(&mut self, result: &Result<(), BindError>) -> bool {
        if let Err(error) = result {
            self.state = State::Failed(Arc::new(error.clone()));
        }
        std::mem::take(&mut self.awaited)
    }

    /// Whether a method may be called. A binding that is not answered yet does not stand against it.
    #[inline]
    pub(super) fn check(&self, method: u16, address: &str) -> Result<(), Error> {
        match &self.state {
            State::Idle | State::Asked if usize::from(method) < self.service.methods.len() => Ok(()),
            State::Agreed { methods, .. }
                if matches!(methods.get(usize::from(method)), Some(Agreement::Usable)) =>
            {
                Ok(())
            }
            _ => Err(self.unusable(method, address)),
        }
    }

    /// Whether this very call may be sent.
    #[inline]
    pub(super) fn admit(
        &self,
        method: u16,
        address: &str,
        arguments: &Parts,
        coding: Coding,
    ) -> Result<(), Error> {
        self.check(method, address)?;
        match self.evolution(method) {
            None => Ok(()),
            Some(evolution) => self.known(evolution, method, &arguments.to_whole(), coding),
        }
    }

    /// What is to be looked at in the values of this method, if both sides know different ones.
    #[inline]
    pub(super) fn evolution(&self, method: u16) -> Option<&Arc<Evolution>> {
        self.evolved.iter().find(|(index, _)| *index == method).map(|(_, evolution)| evolution)
    }

    /// All of them, by method.
    pub(super) fn evolutions(&self) -> impl Iterator<Item = (u16, Arc<Evolution>)> {
        self.evolved.iter().map(|(method, evolution)| (*method, evolution.clone()))
    }

    #[cold]
    fn known(
        &self,
        evolution: &Evolution,
        method: u16,
        arguments: &[u8],
        coding: Coding,
    ) -> Result<(), Error> {
        let Some(value) = evolution.unknown_argument(arguments, coding) else { return Ok(()) };
        let method = self.service.methods.get(usize::from(method)).map_or("", |method| method.path);
        let (address, execution) = (evolution.address().clone(), Execution::NotExecuted);
        Err(Error::UnknownVariant {
            method,
            address,
            value,
            execution,
            request_id: None,
            attempts: Attempts::default(),
        })
    }

    #[cold]
    fn unusable(&self, index: u16, address: &str) -> Error {
        let Some(method) = self.service.methods.get(usize::from(index)) else {
            let why = format!("(the trait {} has no method with index {index})", self.service.name);
            return Error::Unimplemented { method: "", address: address.into(), why };
        };
        let (name, address): (_, Arc<str>) = (method.path, address.into());
        match &self.state {
            State::Failed(source) => {
                Error::Unavailable { method: name, source: source.clone(), attempts: Attempts::default() }
            }
            State::Agreed { methods, server } => match methods.get(usize::from(index)) {
                Some(Agreement::Differs { differences, untold, runs_once }) => {
                    let (differences, untold, runs_once) = (differences.clone(), *untold, *runs_once);
                    Error::SignatureMismatch { method: name, address, differences, untold, runs_once }
                }
                other => {
                    let suggestion = match other {
                        Some(Agreement::Missing(suggestion)) => suggestion.as_ref(),
                        _ => None,
                    };
                    let why = self.missing(method, *server, suggestion);
                    Error::Unimplemented { method: name, address, why }
                }
            },
            State::Idle | State::Asked => Error::Unimplemented {
                method: name,
                address,
                why: "(the binding is not agreed yet)".to_owned(),
            },
        }
    }

    /// Why a method is missing, as far as versions and names tell.
    fn missing(&self, method: &Method, server: (u16, u16), suggestion: Option<&Suggestion>) -> String {
        let (name, (major, minor)) = (self.service.name, server);
        let there = format!("({name} {major}.{minor})");
        match (method.since, suggestion) {
            (Some(since), _) if since > server => {
                let ours = self.service.version;
                format!(
                    "{there}: it is there since {}.{}; this client was compiled against {name} {}.{}; \
                     update the server",
                    since.0, since.1, ours.0, ours.1
                )
            }
            (_, Some(Suggestion { name, same_types: true })) => {
                format!("{there}; did you mean {}, which takes the same arguments?", shown(name, NAME_MAX))
            }
            (_, Some(Suggestion { name, .. })) => {
                format!("{there}; did you mean {}?", shown(name, NAME_MAX))
            }
            _ => there,
        }
    }
}
