//! Why a call failed.

use super::{Attempts, BindError, Code, Execution, PLACE_MAX, counted, shown};
use crate::ids::RequestId;
use crate::schema::{Difference, UnknownVariant};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One nested call on the way to a failure: who called whom. Written as `Bank.pay 10.0.0.7:7001`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The method whose call failed: `Bank.pay`.
    pub method: String,
    /// The server that it was sent to: `10.0.0.7:7001`. Empty if it was sent to none.
    pub address: String,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.as_str() {
            "" => f.write_str(&self.method),
            address => write!(f, "{} {address}", self.method),
        }
    }
}

fn way(hops: &[Hop]) -> String {
    hops.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> ")
}

/// By this number the call is found in the logs of both sides.
fn named(request_id: Option<RequestId>) -> String {
    request_id.map_or(String::new(), |id| format!(" (request {id})"))
}

/// All that differs, each without the method's name.
fn mismatch(differences: &[Difference], untold: Option<&str>, runs_once: bool) -> String {
    let words = |difference: &Difference| {
        let Difference { path, here, there } = difference;
        match path.split_once(": ") {
            Some((_, place)) => format!("{}: {here} here, {there} there", shown(place, PLACE_MAX)),
            None => format!("{here} here, {there} there"),
        }
    };
    let mut all: Vec<String> = differences.iter().map(words).collect();
    if runs_once {
        all.push("idempotent here, at most once there".to_owned());
    }
    if let Some(why) = untold {
        all.push(format!("the types differ, but {why}"));
    }
    all.join("; ")
}

fn unknown(address: &str, value: &UnknownVariant, execution: Execution) -> String {
    let UnknownVariant { name, variant, place, known } = value;
    let place = shown(place, PLACE_MAX);
    let variants = counted(*known, "variant");
    match execution {
        Execution::NotExecuted => format!(
            "the server at {address} does not know {name}::{variant} ({place}); it knows {variants} of {name} \
             ({execution})"
        ),
        _ => format!(
            "this client does not know {name}::{variant} ({place}), which the server at {address} sent; it \
             knows {variants} of {name} ({execution})"
        ),
    }
}

/// Why a call has no result. Every value says whether the handler ran: [`Error::execution`], and so does its text, which ends
/// with the call's number, if it was given one. What a server says is repeated on one line, and cut where it is long.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer before the deadline.
    #[error("{method}: no answer within {after:?} ({execution}){}{attempts}", named(*request_id))]
    DeadlineExceeded {
        /// The method that was called.
        method: &'static str,
        /// Which server, if the request was given to one.
        address: Option<Arc<str>>,
        /// The time that the call had.
        after: Duration,
        /// `NotExecuted` if the request was never sent, or not to its end, or was refused; else `Unknown`.
        execution: Execution,
        /// The call, if it was given a number.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The connection broke while the call was on its way.
    #[error("{method}: the connection to {address} is lost: {why} ({execution}){}{attempts}", named(*request_id))]
    ConnectionLost {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// What happened to the connection.
        why: String,
        /// `NotExecuted` if the request was never written, else `Unknown`.
        execution: Execution,
        /// The call, if it was given a number.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// There is no connection and none can be made. Never executed.
    #[error("{method}: {source} (not executed){attempts}")]
    Unavailable {
        /// The method that was called.
        method: &'static str,
        /// Why the server cannot be reached or does not agree.
        source: Arc<BindError>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The server refused the request before it started. Never executed.
    #[error("{method}: refused by {address}: {reason} (not executed){}{attempts}", named(*request_id))]
    Refused {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The class of the refusal.
        code: Code,
        /// The server's reason.
        reason: String,
        /// When to try again, if the server said so.
        retry_after: Option<Duration>,
        /// The call.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The server's version of the service lacks this method. Never executed.
    #[error("the server at {address} has no method {method} {why} (not executed)")]
    Unimplemented {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The server's version of the service in brackets, and what the server has instead, or since when the method is
        /// there.
        why: String,
    },
    /// Client and server understand the method differently, and one would misread the other. Never executed.
    #[error(
        "{method}: {} (here: this client, there: the server at {address}) (not executed)",
        mismatch(differences, *untold, *runs_once)
    )]
    SignatureMismatch {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The places where the types differ: all of them, up to
        /// [`DIFFERENCES_MAX`](crate::schema::DIFFERENCES_MAX). Empty if the types are the same, or differ in a way that
        /// could not be found out.
        differences: Vec<Difference>,
        /// Why it could not be found out where the types differ: `the server did not say where`, as when they are too large
        /// to be sent. `None` if it was, or if they are the same.
        untold: Option<&'static str>,
        /// The client takes the method to be idempotent, the server does not: a retry could run it twice.
        runs_once: bool,
    },
    /// A value is of a variant that one side has appended to an enum, and the other does not know it. In an argument: never
    /// sent, not executed. In a reply: executed.
    #[error("{method}: {}{}{attempts}", unknown(address, value, *execution), named(*request_id))]
    UnknownVariant {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The value: its enum, its variant, and where it stands.
        value: Box<UnknownVariant>,
        /// `NotExecuted` for an argument, `Executed` for a reply.
        execution: Execution,
        /// The call, if it was given a number.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// A message is larger than one of the two sides allows.
    #[error("{method}: the {what} has {size} bytes, but {whose} limit is {limit} ({execution}){}{attempts}", named(*request_id))]
    TooLarge {
        /// The method that was called.
        method: &'static str,
        /// `request`, `reply` or `metadata`.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
        /// `this client's` or `the server's`.
        whose: &'static str,
        /// `NotExecuted` for a request, `Executed` for a reply.
        execution: Execution,
        /// The call, if it was given a number.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The arguments cannot be encoded. Never sent.
    #[error("{method}: the arguments cannot be sent: {why} (not executed)")]
    Unencodable {
        /// The method that was called.
        method: &'static str,
        /// The codec's or the type's own words.
        why: String,
    },
    /// The reply came, but cannot be decoded. The handler ran.
    #[error("{method}: the reply cannot be read: {why} (executed){}{attempts}", named(*request_id))]
    Undecodable {
        /// The method that was called.
        method: &'static str,
        /// The codec's or the type's own words.
        why: String,
        /// The call.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The handler panicked, or what it returned cannot be sent. It ran, and will not run again.
    #[error("{method}: the handler at {address} failed: {message} (executed){}{attempts}", named(*request_id))]
    Internal {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// `Internal` for a panic; `ResourceExhausted` for a reply beyond a limit.
        code: Code,
        /// The panic's message, or why the reply cannot be encoded.
        message: String,
        /// The call.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The handler ran, and passed on that a call of its own failed:
    /// `Hall.sell -> Bank.pay 10.0.0.7:7001: no answer to a ping for 0.4 s (execution unknown); Hall.sell was executed`. What
    /// stands in brackets concerns the last call of the chain.
    #[error("{method} -> {}: {message}; {method} was executed{}{attempts}", way(hops), named(*request_id))]
    Nested {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The class of the innermost failure.
        code: Code,
        /// The innermost failure, in words.
        message: String,
        /// The calls from the handler's own down to the one that failed.
        hops: Box<[Hop]>,
        /// The call.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The call was executed, but the server no longer holds its reply.
    #[error("{method}: executed by {address}, but the reply is gone{}{attempts}", named(*request_id))]
    ReplyLost {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The call.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The server cannot say whether the call was executed.
    #[error("{method}: {address} cannot tell whether the call was executed{}{attempts}", named(*request_id))]
    InDoubt {
        /// The method that was called.
        method: &'static str,
        /// Which server.
        address: Arc<str>,
        /// The call.
        request_id: Option<RequestId>,
        /// All attempts, if there was more than one.
        attempts: Attempts,
    },
    /// The channel was closed, or too many calls wait already. Never sent.
    #[error("{method}: not sent: {why} (not executed)")]
    NotSent {
        /// The method that was called.
        method: &'static str,
        /// What stood against it.
        why: String,
        /// The class.
        code: Code,
    },
}

/// Whether a refusal may be another one later. Of what is exhausted only the server can tell: a message beyond a limit stays
/// beyond it, so only what it wants to be asked for again counts (as gRPC's `RetryInfo`).
pub(crate) fn is_transient(code: Code, retry_after: Option<Duration>) -> bool {
    code == Code::Unavailable || (code == Code::ResourceExhausted && retry_after.is_some())
}

impl Error {
    /// Whether the handler ran.
    pub fn execution(&self) -> Execution {
        match self {
            Error::DeadlineExceeded { execution, .. }
            | Error::ConnectionLost { execution, .. }
            | Error::UnknownVariant { execution, .. }
            | Error::TooLarge { execution, .. } => *execution,
            Error::Unavailable { .. }
            | Error::Refused { .. }
            | Error::Unimplemented { .. }
            | Error::SignatureMismatch { .. }
            | Error::Unencodable { .. }
            | Error::NotSent { .. } => Execution::NotExecuted,
            Error::Undecodable { .. }
            | Error::Internal { .. }
            | Error::Nested { .. }
            | Error::ReplyLost { .. } => Execution::Executed,
            Error::InDoubt { .. } => Execution::Unknown,
        }
    }

    /// The call's number, if it was given one: it names the call in the server's logs too.
    pub fn request_id(&self) -> Option<RequestId> {
        match self {
            Error::DeadlineExceeded { request_id, .. }
            | Error::ConnectionLost { request_id, .. }
            | Error::Refused { request_id, .. }
            | Error::UnknownVariant { request_id, .. }
            | Error::TooLarge { request_id, .. }
            | Error::Undecodable { request_id, .. }
            | Error::Internal { request_id, .. }
            | Error::Nested { request_id, .. }
            | Error::ReplyLost { request_id, .. }
            | Error::InDoubt { request_id, .. } => *request_id,
            _ => None,
        }
    }

    /// The class of the error, in gRPC's terms.
    pub fn code(&self) -> Code {
        match self {
            Error::DeadlineExceeded { .. } => Code::DeadlineExceeded,
            Error::ConnectionLost { .. } | Error::Unavailable { .. } => Code::Unavailable,
            Error::Refused { code, .. }
            | Error::Internal { code, .. }
            | Error::Nested { code, .. }
            | Error::NotSent { code, .. } => *code,
            Error::Unimplemented { .. } => Code::Unimplemented,
            Error::SignatureMismatch { .. } => Code::FailedPrecondition,
            Error::TooLarge { .. } => Code::ResourceExhausted,
            Error::UnknownVariant { execution: Execution::NotExecuted, .. } | Error::Unencodable { .. } => {
                Code::InvalidArgument
            }
            Error::UnknownVariant { .. } | Error::Undecodable { .. } => Code::Internal,
            Error::ReplyLost { .. } => Code::DataLoss,
            Error::InDoubt { .. } => Code::Unknown,
        }
    }

    /// Whether the same call may be made again without running twice, and may then succeed.
    pub fn is_retryable(&self) -> bool {
        self.execution() == Execution::NotExecuted
            && match self {
                Error::Unavailable { source, .. } => source.is_retryable(),
                Error::Refused { code, retry_after, .. } => is_transient(*code, *retry_after),
                Error::ConnectionLost { .. } | Error::DeadlineExceeded { .. } => true,
                Error::NotSent { code, .. } => *code == Code::ResourceExhausted,
                _ => false,
            }
    }

    /// The method that was called: `BoxOffice.sell`.
    pub fn method(&self) -> &'static str {
        match self {
            Error::DeadlineExceeded { method, .. }
            | Error::ConnectionLost { method, .. }
            | Error::Unavailable { method, .. }
            | Error::Refused { method, .. }
            | Error::Unimplemented { method, .. }
            | Error::SignatureMismatch { method, .. }
            | Error::UnknownVariant { method, .. }
            | Error::TooLarge { method, .. }
            | Error::Unencodable { method, .. }
            | Error::Undecodable { method, .. }
            | Error::Internal { method, .. }
            | Error::Nested { method, .. }
            | Error::ReplyLost { method, .. }
            | Error::InDoubt { method, .. }
            | Error::NotSent { method, .. } => method,
        }
    }

    /// The server that was called, if the call got so far.
    pub fn address(&self) -> Option<&str> {
        match self {
            Error::DeadlineExceeded { address, .. } => address.as_deref(),
            Error::ConnectionLost { address, .. }
            | Error::Refused { address, .. }
            | Error::Unimplemented { address, .. }
            | Error::SignatureMismatch { address, .. }
            | Error::UnknownVariant { address, .. }
            | Error::Internal { address, .. }
            | Error::Nested { address, .. }
            | Error::ReplyLost { address, .. }
            | Error::InDoubt { address, .. } => Some(address),
            _ => None,
        }
    }

    /// The nested calls between the handler and the failure; empty unless the handler passed a failure on.
    pub fn hops(&self) -> &[Hop] {
        match self {
            Error::Nested { hops, .. } => hops,
            _ => &[],
        }
    }
}
