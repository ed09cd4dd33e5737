//! Why a client could not be bound to a service.

use super::{Code, Execution, ProtocolError};
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

/// A service that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Its version: major, minor.
    pub version: (u16, u16),
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.name, self.version.0, self.version.1)
    }
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
    #[error("no server answers: {}", list(tried, "no address was given"))]
    Unreachable {
        /// All addresses, in the order in which they failed.
        tried: Vec<Tried>,
    },
    /// This process may not listen there.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// The operating system's error.
        error: String,
    },
    /// The server has no such service.
    #[error("the server at {address} has no service {wanted}; it offers: {}", list(offered, "nothing"))]
    ServiceNotFound {
        /// Which server.
        address: String,
        /// The service that the client was made for.
        wanted: String,
        /// What the server has.
        offered: Vec<Offer>,
    },
    /// The server has the service in another major version.
    #[error("{wanted} is wanted, but the server at {address} has {}", list(offered, "no version of it"))]
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
            | BindError::Rejected { retry_after: Some(_), .. } => Code::Unavailable,
            BindError::Rejected { retry_after: None, .. } => Code::PermissionDenied,
            BindError::Address { .. } => Code::InvalidArgument,
            BindError::ServiceNotFound { .. } => Code::NotFound,
            BindError::VersionMismatch { .. } | BindError::ProtocolMismatch { .. } => {
                Code::FailedPrecondition
            }
            BindError::TableFull { .. } => Code::ResourceExhausted,
            BindError::Closed => Code::Cancelled,
        }
    }

    /// Whether trying again later may help: `true` for servers that cannot be reached or that refuse for now.
    pub fn is_retryable(&self) -> bool {
        match self {
            BindError::Unreachable { .. } | BindError::Interrupted { .. } => true,
            BindError::Rejected { retry_after, .. } => retry_after.is_some(),
            _ => false,
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
        let error = BindError::Unreachable { tried: vec![tried] };
        assert_eq!(
            error.to_string(),
            "no server answers: 10.0.0.7:7000: Connection refused (os error 111) (after 3.0ms)"
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
