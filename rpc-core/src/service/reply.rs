//! How a handler ends, on either side of the wire.

use super::payload::Payload;
use crate::codec::{Coding, Decoder, Malformed, Unencodable};
use crate::error::{Attempts, Error, Execution, REASON_MAX, shown};
use crate::ids::RequestId;
use crate::schema::Evolution;
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
