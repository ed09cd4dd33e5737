//! What a generated server is to the driver: requests go into it, outcomes come out of it.

use crate::context::Context;
use crate::memory;
use bytes::Bytes;
use rpc_core::codec::{Coding, Decoder, Encoder, Malformed};
use rpc_core::service::{Descriptor, Failure, Payload, Verdict};
use std::future::Future;
use std::pin::Pin;

/// A service with its implementation, as `#[service]` generates it.
pub trait Service: Send + Sync + 'static {
    /// Its name, version and methods.
    fn descriptor(&self) -> &'static Descriptor;

    /// The future that decodes the arguments, runs the handler and encodes the reply. `method` is an index into the
    /// descriptor's methods.
    fn dispatch(&self, method: u16, call: Incoming) -> Pin<Box<Handler>>;
}

/// The future of one execution.
pub type Handler = dyn Future<Output = Outcome> + Send;

/// One request on its way into a handler. The handler's future owns it, lends the arguments out of it, and writes its
/// reply into it.
pub struct Incoming {
    context: Context,
    coding: Coding,
    payload: Payload,
    buffer: Vec<u8>,
}

impl Incoming {
    #[inline]
    pub(crate) fn new(context: Context, coding: Coding, payload: Vec<u8>, buffer: Vec<u8>) -> Self {
        let mut payload = Payload::Owned(payload);
        memory::share(&mut payload);
        Self { context, coding, payload, buffer }
    }

    /// Reads all arguments at once.
    ///
    /// # Errors
    /// The arguments do not decode, or bytes are left over.
    #[inline(never)]
    pub fn read<'a, A>(&'a self, each: fn(&mut Decoder<'a>) -> Result<A, Malformed>) -> Result<A, Malformed> {
        let mut from = match &self.payload {
            Payload::Owned(bytes) => Decoder::new(bytes, self.coding),
            Payload::Shared(bytes) => Decoder::shared(bytes, self.coding),
        };
        let all = each(&mut from)?;
        from.end()?;
        Ok(all)
    }

    /// The outcome of a request whose arguments do not decode: the handler never started.
    pub fn malformed(self, error: Malformed) -> Outcome {
        self.outcome(Err(Failure::Arguments(error)))
    }

    /// The outcome of a handler that returned `reply`.
    pub fn reply<R>(
        mut self,
        mut reply: R,
        encode: fn(&mut R, &mut Encoder<'_>) -> Result<Verdict, Failure>,
    ) -> Outcome {
        let mut block = None;
        let out = Encoder::parting(&mut self.buffer, &mut block, self.coding);
        // The reply may be kept for long, and only its bytes are counted.
        let verdict = encode(&mut reply, &mut out.kept_of(self.payload.as_slice()));
        Outcome { block, ..self.outcome(verdict) }
    }

    fn outcome(self, verdict: Result<Verdict, Failure>) -> Outcome {
        let payload = match self.payload {
            Payload::Owned(bytes) => bytes,
            Payload::Shared(_) => Vec::new(),
        };
        Outcome { verdict: verdict.map_err(Box::new), buffer: self.buffer, block: None, payload }
    }
}

/// What `cx: &Context` is.
#[inline]
pub fn context(call: &Incoming) -> &Context {
    &call.context
}

/// What every handler's future ends with: how it ended, the reply, and the request's buffer to be used again.
pub struct Outcome {
    /// Failures are rare, and each outcome is moved several times.
    pub(crate) verdict: Result<Verdict, Box<Failure>>,
    pub(crate) buffer: Vec<u8>,
    /// The last bytes of the reply, if they are many.
    pub(crate) block: Option<Box<Bytes>>,
    pub(crate) payload: Vec<u8>,
}

/// The arm for an index that the descriptor does not have. The engine never asks for one.
pub fn no_such_method(call: Incoming) -> Pin<Box<Handler>> {
    Box::pin(async move { call.malformed(Malformed::new("no such method")) })
}
