//! How a handler ends, on either side of the wire.

use crate::codec::{Coding, Decoder, Malformed, Unencodable};
use crate::error::{Attempts, Error, Execution, REASON_MAX, shown};
use crate::ids::RequestId;
use crate::schema::Evolution;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What the payload of a reply holds. It travels in the frame, beside the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The result.
    Ok,
    /// The application's own refusal.
    Application,
}

/// A handler's end that is no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The arguments cannot be read: the handler did not run.
    Arguments(Malformed),
    /// The handler ran, but what it returned cannot be sent.
    Reply(Unencodable),
    /// The handler ran, and passes on that a call of its own failed.
    Nested(Box<Error>),
}

/// The bytes of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A small one, copied out of the connection's buffer.
    Owned(Vec<u8>),
    /// A large one: a result of type `Bytes` becomes a part of it.
    Shared(Bytes),
}

impl Payload {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Owned(bytes) => bytes,
            Payload::Shared(bytes) => bytes,
        }
    }
}

impl Payload {
    /// A second handle of the same bytes: the buffer becomes a shared one, nothing is copied.
    pub(crate) fn share(&mut self) -> Payload {
        let bytes = match std::mem::take(self) {
            Payload::Owned(bytes) => Bytes::from(bytes),
            Payload::Shared(bytes) => bytes,
        };
        *self = Payload::Shared(bytes.clone());
        Payload::Shared(bytes)
    }

    /// Other bytes, in the same buffer if this is the only handle of it.
    #[inline]
    pub(crate) fn refill(self, with: &[u8]) -> Payload {
        match self {
            Payload::Owned(mut bytes) => {
                bytes.clear();
                bytes.extend_from_slice(with);
                Payload::Owned(bytes)
            }
            Payload::Shared(_) => Payload::Owned(with.to_vec()),
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Payload::Owned(Vec::new())
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Payload::Owned(bytes)
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload::Shared(bytes)
    }
}

/// A reply as it comes to the stub, with what an error about it must say.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What the payload holds.
    pub verdict: Verdict,
    /// The value, encoded.
    pub payload: Payload,
    /// How it is encoded.
    pub coding: Coding,
    /// The method that was called.
    pub method: &'static str,
    /// The call.
    pub request_id: Option<RequestId>,
    /// Where the method's types are not quite the same on both sides.
    pub evolution: Option<Arc<Evolution>>,
}

impl Reply {
    /// Reads the payload, all of it, as a `T`.
    ///
    /// # Errors
    /// [`Error::Undecodable`]: it is no `T`. [`Error::UnknownVariant`]: the server has variants that `T` lacks.
    pub fn read<T: DeserializeOwned + 'static>(&self) -> Result<T, Error> {
        let mut from = match &self.payload {
            Payload::Owned(bytes) => Decoder::new(bytes, self.coding),
            Payload::Shared(bytes) => Decoder::shared(bytes, self.coding),
        };
        let value = from.value().map_err(|why| self.undecodable(why))?;
        from.end().map_err(|why| self.undecodable(why))?;
        Ok(value)
    }

    /// Reads the result of a method that has no refusals.
    ///
    /// # Errors
    /// [`Error::Undecodable`]: the payload is no `T`, or it is a refusal.
    pub(super) fn read_plain<T: DeserializeOwned + 'static>(&self) -> Result<T, Error> {
        match self.verdict {
            Verdict::Ok => self.read(),
            Verdict::Application => {
                Err(self.undecodable(Malformed::new("a refusal, which this method does not have")))
            }
        }
    }

    #[cold]
    fn undecodable(&self, why: Malformed) -> Error {
        let (method, request_id, attempts) = (self.method, self.request_id, Attempts::default());
        let found = self.evolution.as_deref().and_then(|evolution| {
            let value = evolution.unknown_result(self.verdict, self.payload.as_slice(), self.coding)?;
            Some((value, evolution.address().clone()))
        });
        match found {
            None => {
                Error::Undecodable { method, why: shown(&why.to_string(), REASON_MAX), request_id, attempts }
            }
            Some((value, address)) => {
                let execution = Execution::Executed;
                Error::UnknownVariant { method, address, value, execution, request_id, attempts }
            }
        }
    }
}
