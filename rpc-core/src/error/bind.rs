//! Why a client could not be bound to a service.

use super::nearest::nearest;
use super::{Code, Execution, NAME_MAX, ProtocolError, shown};
use std::fmt;
use std::time::Duration;

/// One address that was tried, what the operating system said, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The address as it was tried: `10.0.0.7:7000`, `unix:/run/hall.sock`.
    pub address: String,
    /// What went wrong, in the operating system's words.
    pub error: String,
    /// From the start of the attempt to its failure.
    pub after: Duration,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (after {:.1?})", self.address, self.error, self.after)
    }
}

/// Offers that an error lists. All are in its fields.
const OFFERS_LISTED: usize = 20;

/// A service that a server offers. Its text shows at most 80 characters of the name, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Its version: major, minor.
    pub version: (u16, u16),
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", shown(&self.name, NAME_MAX), self.version.0, self.version.1)
    }
}

/// Everything that was tried; of a long wait the first and the last attempts, with what was left out between them.
fn told(tried: &[Tried], attempts: usize) -> String {
    let left_out = attempts.saturating_sub(tried.len());
    if left_out == 0 {
        return format!(": {}", list(tried, "no address was given"));
    }
    let (first, last) = tried.split_at(tried.len() / 2);
    format!(" after {attempts} attempts: {}; ({left_out} more); {}", list(first, "-"), list(last, "-"))
}

/// `did you mean BoxOffice?`, with what stands `before` it, if the server offers a name that is near to the wanted one.
fn suggestion(wanted: &str, offered: &[Offer], before: &str) -> String {
    let meant = nearest(wanted, offered.iter().map(|offer| offer.name.as_str()));
    meant.map_or_else(String::new, |name| format!("{before}did you mean {}?", shown(name, NAME_MAX)))
}

/// What a server offers, the first of it if it is much.
fn offers(all: &[Offer], none: &str, between: &str) -> String {
    if all.is_empty() {
        return none.to_owned();
    }
    let mut listed: Vec<String> = all.iter().take(OFFERS_LISTED).map(ToString::to_string).collect();
    if let Some(more @ 1..) = all.len().checked_sub(OFFERS_LISTED) {
        listed.push(format!("and {more} more"));
    }
    listed.join(between)
}

fn list<T: fmt::Display>(all: &[T], none: &str) -> String {
    if all.is_empty() {
        return none.to_owned();
    }
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Why a client is not bound to a service. Nothing of the service was executed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The text is no address. Write `host:port`, `[::1]:7000` or `unix:/path`, several with commas between them.
    #[error("cannot read the address {text:?}: {why}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// No address could be reached within the connect window.
    #[error("no server answers{}", told(tried, *attempts))]
    Unreachable {
        /// All addresses, in the order in which they failed. Of a long wait the first and the last attempts, half and half.
        tried: Vec<Tried>,
        /// How many attempts there were in all.
        attempts: usize,
    },
    /// Several addresses were tried, or one several times. Some were reached, but none leads to a server that serves this
    /// client. Where a single attempt has failed, the error is that attempt's own.
    #[error("no server can be used{}", told(tried, *attempts))]
    NoServer {
        /// All addresses with what happened there, as for [`Unreachable`](BindError::Unreachable).
        tried: Vec<Tried>,
        /// How many attempts there were in all.
        attempts: usize,
        /// At least one of the servers may serve this client later.
        retryable: bool,
    },
    /// This process may not listen there.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address; `any address` where the server's own services stand against it.
        address: String,
        /// The operating system's error.
        error: String,
    },
    /// The server has no such service. The text ends with the name of a service that may be meant.
    #[error(
        "the server at {address} has no service {wanted}; it offers: {}{}",
        offers(offered, "nothing", "; "),
        suggestion(wanted, offered, "; ")
    )]
    ServiceNotFound {
        /// Which server.
        address: String,
        /// The service that the client was made for.
        wanted: String,
        /// What the server has.
        offered: Vec<Offer>,
    },
    /// The server has the service in another major version.
    #[error(
        "{wanted} is wanted, but the server at {address} has {}",
        offers(offered, "no version of it", "; ")
    )]
    VersionMismatch {
        /// Which server.
        address: String,
        /// Name and version that the client was compiled with.
        wanted: Offer,
        /// The versions that the server has.
        offered: Vec<Offer>,
    },
    /// The two sides do not speak one protocol, or the peer speaks something else altogether.
    #[error("no common protocol with {address}: {why}")]
    ProtocolMismatch {
        /// Which server.
        address: String,
        /// Both ranges of versions, or what the peer sent instead.
        why: String,
    },
    /// The server does not let this client in: credentials, or too many connections.
    #[error("the server at {address} refuses the connection: {why}")]
    Rejected {
        /// Which server.
        address: String,
        /// The server's reason.
        why: String,
        /// When to try again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The connection was made, but it broke or stayed silent before the binding was agreed.
    #[error("the connection to {address} ended before the binding was agreed: {why}")]
    Interrupted {
        /// Which server.
        address: String,
        /// What happened.
        why: String,
    },
    /// The channel was made over one stream, and that stream has ended: nothing can be dialled.
    #[error("the stream to {address} has ended, and this channel has no other")]
    StreamEnded {
        /// What the stream was called.
        address: String,
    },
    /// The channel has bound as many methods as one session may have.
    #[error(
        "the session's table of methods is full: {service} has {methods}, {taken} of {limit} places are taken; \
         bind it over a channel of its own"
    )]
    TableFull {
        /// The service that is wanted.
        service: &'static str,
        /// How many methods it has.
        methods: usize,
        /// Places that other services of the channel take.
        taken: usize,
        /// Places that there are.
        limit: usize,
    },
    /// The channel was closed by this process.
    #[error("the channel is closed")]
    Closed,
}

impl BindError {
    /// What the peer at `address` did wrong, as a failure to bind.
    pub fn from_protocol(address: &str, error: &ProtocolError) -> BindError {
        BindError::ProtocolMismatch { address: address.to_owned(), why: error.to_string() }
    }

    /// Always [`Execution::NotExecuted`]: no call was made yet.
    pub fn execution(&self) -> Execution {
        Execution::NotExecuted
    }

    /// The class of the error, in gRPC's terms: `Unavailable` where there is no server or it refuses for now,
    /// `PermissionDenied` where it refuses for good, `NotFound` for a service, `FailedPrecondition` where versions or
    /// protocols do not fit.
    pub fn code(&self) -> Code {
        match self {
            BindError::Unreachable { .. }
            | BindError::Interrupted { .. }
            | BindError::StreamEnded { .. }
            | BindError::Listen { .. }
            | BindError::NoServer { retryable: true, .. }
            | BindError::Rejected { retry_after: Some(_), .. } => Code::Unavailable,
            BindError::Rejected { retry_after: None, .. } => Code::PermissionDenied,
            BindError::Address { .. } => Code::InvalidArgument,
            BindError::ServiceNotFound { .. } => Code::NotFound,
            BindError::VersionMismatch { .. }
            | BindError::ProtocolMismatch { .. }
            | BindError::NoServer { retryable: false, .. } => Code::FailedPrecondition,
            BindError::TableFull { .. } => Code::ResourceExhausted,
            BindError::Closed => Code::Cancelled,
        }
    }

    /// Whether trying again later may help: `true` for servers that cannot be reached or that refuse for now.
    pub fn is_retryable(&self) -> bool {
        match self {
            BindError::Unreachable { .. } | BindError::Interrupted { .. } => true,
            BindError::Rejected { retry_after, .. } => retry_after.is_some(),
            BindError::NoServer { retryable, .. } => *retryable,
            _ => false,
        }
    }

    /// How long the server wants to be left alone.
    pub(crate) fn asked(&self) -> Duration {
        match self {
            BindError::Rejected { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The text for a list in which the address stands already.
    pub(crate) fn at_its_address(&self) -> String {
        match self {
            BindError::ServiceNotFound { wanted, offered, .. } => {
                let offers = offers(offered, "nothing", ", ");
                format!("no service {wanted}, it offers {offers}{}", suggestion(wanted, offered, ", "))
            }
            BindError::VersionMismatch { wanted, offered, .. } => {
                format!("{wanted} is wanted, it has {}", offers(offered, "no version of it", ", "))
            }
            BindError::ProtocolMismatch { why, .. } => format!("no common protocol: {why}"),
            BindError::Rejected { why, .. } => format!("it refuses the connection: {why}"),
            BindError::Interrupted { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_server_is_named_with_the_systems_words_and_the_time() {
        let tried = Tried {
            address: "10.0.0.7:7000".into(),
            error: "Connection refused (os error 111)".into(),
            after: Duration::from_millis(3),
        };
        let error = BindError::Unreachable { tried: vec![tried], attempts: 1 };
        assert_eq!(
            error.to_string(),
            "no server answers: 10.0.0.7:7000: Connection refused (os error 111) (after 3.0ms)"
        );
    }

    #[test]
    fn a_long_wait_is_told_by_its_beginning_and_its_end() {
        let tried = |n: u64| Tried {
            address: "hall:1".into(),
            error: "refused".into(),
            after: Duration::from_millis(n),
        };
        let error = BindError::Unreachable { tried: [1, 2, 8, 9].map(tried).to_vec(), attempts: 9 };
        assert_eq!(
            error.to_string(),
            "no server answers after 9 attempts: hall:1: refused (after 1.0ms); hall:1: refused (after 2.0ms); (5 more); \
             hall:1: refused (after 8.0ms); hall:1: refused (after 9.0ms)"
        );
    }

    #[test]
    fn a_missing_service_suggests_the_name_that_was_meant() {
        let offered = vec![
            Offer { name: "Bank".into(), version: (1, 0) },
            Offer { name: "BoxOffice".into(), version: (1, 2) },
        ];
        let error =
            BindError::ServiceNotFound { address: "hall:1".into(), wanted: "BoxOfice".into(), offered };
        assert_eq!(
            error.to_string(),
            "the server at hall:1 has no service BoxOfice; it offers: Bank 1.0; BoxOffice 1.2; did you mean BoxOffice?"
        );
        assert_eq!(
            error.at_its_address(),
            "no service BoxOfice, it offers Bank 1.0, BoxOffice 1.2, did you mean BoxOffice?"
        );
    }

    #[test]
    fn a_missing_service_lists_what_there_is() {
        let offered = vec![Offer { name: "Bank".into(), version: (1, 0) }];
        let error =
            BindError::ServiceNotFound { address: "hall:1".into(), wanted: "BoxOffice".into(), offered };
        assert_eq!(error.to_string(), "the server at hall:1 has no service BoxOffice; it offers: Bank 1.0");
        assert_eq!((error.code(), error.execution()), (Code::NotFound, Execution::NotExecuted));
    }

    #[test]
    fn a_refusal_for_now_and_one_for_good_have_different_codes() {
        let rejected =
            |retry_after| BindError::Rejected { address: "hall:1".into(), why: "?".into(), retry_after };
        assert_eq!(rejected(Some(Duration::from_secs(1))).code(), Code::Unavailable);
        assert_eq!(rejected(None).code(), Code::PermissionDenied);
    }
}
