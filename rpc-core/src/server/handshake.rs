//! A new connection before its `Hello` is there.

use crate::error::ProtocolError;
use crate::frame::{self, Close, CloseCode, Hello, Kind, PROTOCOL_MAX, PROTOCOL_MIN, Reject, RejectCode};
use crate::time::Instant;

/// What a browser or a health check is told. It names no service.
const HTTP_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain\r\nContent-Length: 68\r\nConnection: close\r\n\r\n\
    This port speaks Carnegie's RPC protocol, not HTTP. Use its client.\n";

/// Waits for the first frame of a connection.
#[derive(Debug)]
pub struct Handshake {
    deadline: Instant,
}

impl Handshake {
    pub(super) fn new(deadline: Instant) -> Self {
        Self { deadline }
    }

    /// When to give up: a peer that connects and says nothing, or says it a byte at a time.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The `Hello`, and how many bytes it took; none if more bytes are wanted.
    ///
    /// # Errors
    /// The peer does not speak this protocol. Write [`Handshake::refusal`], then close.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<Option<(Hello, usize)>, ProtocolError> {
        let Some((header, body)) = frame::split_first(bytes)? else { return Ok(None) };
        if header.kind != Kind::Hello {
            return Err(ProtocolError::Unexpected {
                kind: header.kind.name(),
                when: "as the first frame of a client",
            });
        }
        // The versions come first: a Hello of a later version may hold more than this one can read.
        let theirs = Hello::versions(&header, body)?;
        if theirs.0 > PROTOCOL_MAX || theirs.1 < PROTOCOL_MIN {
            return Err(ProtocolError::Version { theirs, ours: (PROTOCOL_MIN, PROTOCOL_MAX) });
        }
        Ok(Some((Hello::read(&header, body)?, header.length as usize)))
    }

    /// The connection has ended, and `bytes` is all that came: what to tell in a log.
    pub fn ended(&self, bytes: &[u8]) -> String {
        frame::ended_early(bytes)
            .map_or_else(|| "it ended without a word".to_owned(), |error| error.to_string())
    }

    /// What to tell a peer that does not speak this protocol, or another version of it: a browser in its own language.
    pub fn refusal(error: &ProtocolError) -> Vec<u8> {
        if matches!(error, ProtocolError::NotCarnegie { speaks: Some("HTTP"), .. }) {
            return HTTP_ANSWER.into();
        }
        let mut out = Vec::new();
        reject(RejectCode::Protocol, 0, &error.to_string()).write(&mut out);
        out
    }

    /// What to tell a peer that did not say hello in time.
    pub fn timed_out() -> Vec<u8> {
        let mut out = Vec::new();
        Close { code: CloseCode::Timeout, reason: "no Hello came in time".to_owned() }.write(&mut out);
        out
    }
}

pub(super) fn reject(code: RejectCode, retry_after_ms: u32, reason: &str) -> Reject {
    Reject {
        code,
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        retry_after_ms,
        reason: reason.to_owned(),
    }
}
