//! What this server makes of a client's table of methods.

use super::Lane;
use super::Session;
use super::suggestion::Suggestions;
use crate::error::{Offer, ProtocolError};
use crate::frame::{Bind, Bound, BoundMethod, BoundResult};
use crate::limits::METHOD_TABLE_MAX;
use crate::schema::{Excerpt, TYPES_MAX};
use crate::service::Descriptor;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of types in all answers of a session: those of four services with as many as one answer may hold. Otherwise a client
/// could have gigabytes made for it with the binds of one read.
pub(super) const TYPES_PER_SESSION_MAX: usize = 4 * TYPES_MAX;

/// One method of the session's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) service: u16,
    pub(super) method: u16,
    pub(super) idempotent: bool,
    pub(super) blocking: bool,
    /// Of service and method, so that the hash of a payload is that of the call.
    pub(super) seed: u64,
}

impl Session {
    pub(super) fn handle_bind(&mut self, lane: Lane, bind: &Bind) -> Result<(), ProtocolError> {
        let (base, end) = (usize::from(bind.base), usize::from(bind.base) + bind.methods.len());
        if end > METHOD_TABLE_MAX {
            let what = format!("a method table of {end} entries, at most {METHOD_TABLE_MAX} are allowed");
            return Err(ProtocolError::LimitExceeded { what });
        }
        if base < self.table.len() && self.is_superseded(lane) {
            return Ok(()); // it is late: the client has asked for the service again on a later connection
        }
        if base < self.table.len() {
            let what = format!("its methods start at {base}, but {} are bound already", self.table.len());
            return Err(ProtocolError::Malformed { kind: "Bind", what });
        }
        let result = match self.find(bind) {
            Ok(service) => self.accept(bind, service),
            Err(refusal) => refusal,
        };
        if let Some(open) = self.open(lane) {
            Bound { number: bind.number, result }.write(open.outgoing.ready());
        }
        Ok(())
    }

    /// The service of this name and major version; otherwise what there is instead.
    fn find(&self, bind: &Bind) -> Result<usize, BoundResult> {
        let all = &self.services.all;
        let offers = |wanted: &dyn Fn(&Descriptor) -> bool| {
            let offer = |service: &&'static Descriptor| Offer {
                name: service.name.to_owned(),
                version: service.version,
            };
            all.iter().filter(|service| wanted(service)).map(offer).collect::<Vec<_>>()
        };
        let named = offers(&|service| service.name == bind.service);
        if named.is_empty() {
            return Err(BoundResult::NotFound { offered: offers(&|_| true) });
        }
        let same = |service: &&'static Descriptor| {
            service.name == bind.service && service.version.0 == bind.version.0
        };
        all.iter().position(same).ok_or(BoundResult::OtherVersion { offered: named })
    }

    fn accept(&mut self, bind: &Bind, service: usize) -> BoundResult {
        let services = self.services.clone();
        let (ours, prints) = (services.all[service], &services.fingerprints[service]);
        let mut excerpt = Excerpt::within(self.types_left);
        let mut suggestions = Suggestions::new(ours, prints, bind);
        let mut methods = Vec::with_capacity(bind.methods.len());
        let base = usize::from(bind.base);
        self.table.reserve_exact((base + bind.methods.len()).saturating_sub(self.table.len()));
        self.table.resize(base, None);
        for wanted in &bind.methods {
            let Some(index) = ours.methods.iter().position(|method| method.name == wanted.name) else {
                methods.push(BoundMethod::Missing { suggestion: suggestions.for_missing(wanted) });
                self.table.push(None);
                continue;
            };
            let method = &ours.methods[index];
            // A client that would run a call again must not meet a handler that may run once only.
            let runs_once = wanted.idempotent && !method.idempotent;
            let judged = match (prints[index] == wanted.fingerprint, runs_once) {
                (true, false) => BoundMethod::Usable,
                (true, true) => BoundMethod::RunsOnce,
                (false, _) => {
                    let structure = excerpt.add(&services.signatures[service][index]).unwrap_or_default();
                    BoundMethod::Differs { runs_once, structure }
                }
            };
            // Where the client can compare, it may find that the two differ in what does no harm.
            let callable = match &judged {
                BoundMethod::Usable => true,
                BoundMethod::Differs { runs_once, structure } => !runs_once && !structure.is_empty(),
                _ => false,
            };
            methods.push(judged);
            self.table.push(callable.then(|| Entry {
                service: service as u16,
                method: index as u16,
                idempotent: method.idempotent,
                blocking: method.blocking,
                seed: xxh3_64(method.path.as_bytes()),
            }));
        }
        let types = excerpt.into_types();
        self.types_left = self.types_left.saturating_sub(types.len());
        BoundResult::Accepted { version: ours.version, methods, types }
    }
}
