//! What was agreed with the server about one service.

use crate::error::{BindError, Error, Offer};
use crate::frame::{Bind, BindMethod, Bound, BoundMethod, BoundResult};
use crate::service::Descriptor;
use crate::time::Instant;
use std::sync::Arc;

/// ```text
///  Asked --(Bound: accepted)--> Agreed        on a new connection both are asked again
///    +-----(Bound: refused)---> Failed
/// ```
enum State {
    Asked,
    Agreed { methods: Vec<BoundMethod>, server: (u16, u16) },
    Failed(Arc<BindError>),
}

/// One service of this channel.
pub(super) struct Binding {
    pub(super) service: &'static Descriptor,
    /// Where its methods start in the session's table.
    pub(super) base: u16,
    /// When the user asked for it.
    pub(super) since: Instant,
    /// The user waits for the outcome of the first agreement, and of no other.
    awaited: bool,
    state: State,
    fingerprints: Vec<u64>,
}

impl Binding {
    pub(super) fn asked(service: &'static Descriptor, base: u16, since: Instant) -> Self {
        let fingerprints = service.methods.iter().map(|method| method.fingerprint()).collect();
        Self { service, base, since, awaited: true, state: State::Asked, fingerprints }
    }

    /// The first index behind its methods.
    pub(super) fn end(&self) -> u16 {
        self.base.saturating_add(self.service.methods.len() as u16)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked)
    }

    /// For a new connection. `false`: its table of methods does not fit into a frame, so it cannot be asked for at all.
    pub(super) fn ask_again(&mut self) -> bool {
        if self.fits() {
            self.state = State::Asked;
        }
        self.fits()
    }

    /// The connection on which it was refused is gone: another server, or the same one restarted, may take it.
    pub(super) fn forget_refusal(&mut self) {
        if matches!(self.state, State::Failed(_)) && self.fits() {
            self.state = State::Asked;
        }
    }

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
            State::Asked if usize::from(method) < self.service.methods.len() => Ok(()),
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
            State::Asked => Error::Unimplemented {
                method: name,
                address,
                why: "the binding is not agreed yet".to_owned(),
            },
        }
    }
}
