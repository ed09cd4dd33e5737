//! What was agreed with the server about one service.

use crate::error::{BindError, Error, Offer};
use crate::frame::{Bind, BindMethod, Bound, BoundMethod, BoundResult};
use crate::limits::METHOD_TABLE_MAX;
use crate::service::Descriptor;
use crate::time::Instant;
use std::sync::Arc;

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
    Agreed { methods: Vec<BoundMethod>, server: (u16, u16) },
    Failed(Arc<BindError>),
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
    fingerprints: Vec<u64>,
}

impl Binding {
    pub(super) fn new(service: &'static Descriptor) -> Self {
        let fingerprints = service.methods.iter().map(|method| method.fingerprint()).collect();
        let (base, since) = (0, Instant::default());
        Self { service, base, since, awaited: false, held: false, state: State::Idle, fingerprints }
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

    /// The server's answer.
    pub(super) fn answered(&mut self, bound: Bound, address: &str) -> Result<(), BindError> {
        let address = address.to_owned();
        match bound.result {
            BoundResult::Accepted { version, methods } if methods.len() == self.service.methods.len() => {
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
                if matches!(methods.get(usize::from(method)), Some(BoundMethod::Usable)) =>
            {
                Ok(())
            }
            _ => Err(self.unusable(method, address)),
        }
    }

    #[cold]
    fn unusable(&self, index: u16, address: &str) -> Error {
        let Some(method) = self.service.methods.get(usize::from(index)) else {
            let why = format!("the trait {} has no method with index {index}", self.service.name);
            return Error::Unimplemented { method: "", address: address.into(), why };
        };
        let (name, address): (_, Arc<str>) = (method.path, address.into());
        match &self.state {
            State::Failed(source) => Error::Unavailable { method: name, source: source.clone() },
            State::Agreed { methods, .. }
                if matches!(methods.get(usize::from(index)), Some(BoundMethod::Differs { .. })) =>
            {
                let differences =
                    "the arguments, the result or the idempotence of the method differ".to_owned();
                Error::SignatureMismatch { method: name, address, differences }
            }
            State::Agreed { server, .. } => {
                let since =
                    method.since.map_or(String::new(), |(major, minor)| format!(" since {major}.{minor}"));
                let (ours, theirs) = (self.service.version, server);
                let why = format!(
                    "it is there{since}; this client was compiled against {} {}.{}, the server has {}.{}",
                    self.service.name, ours.0, ours.1, theirs.0, theirs.1
                );
                Error::Unimplemented { method: name, address, why }
            }
            State::Idle | State::Asked => Error::Unimplemented {
                method: name,
                address,
                why: "the binding is not agreed yet".to_owned(),
            },
        }
    }
}
