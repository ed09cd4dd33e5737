//! What became of a call that ended without it being known.

use crate::channel::Channel;
use crate::client::{Shared, Waiter};
use rpc_core::client::Outcome;
use rpc_core::schema::Types;
use rpc_core::service::{Reply, Returns};
use rpc_core::{Error, Execution, RequestId};
use std::any::type_name;
use std::future::poll_fn;

/// What became of a call that had ended as [`Execution::Unknown`]: see [`Channel::resolve`]. `T` is what awaiting the call
/// gives: `Result<Ticket, CallError<Refused>>`.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution<T> {
    /// It was executed, once. What the call would have ended with: the result, a refusal by the application, or the failure
    /// of its handler. `None`: neither side holds that any more.
    Executed(Option<T>),
    /// It was not executed, and never will be: the same call may be made again.
    NotExecuted,
    /// It cannot be found out whether it was executed, by no later question either.
    Unknown {
        /// It certainly does not start any more; if it runs already, it runs to its end. Otherwise a copy of it may still be
        /// under way, and start.
        settled: bool,
    },
}

impl<T> Resolution<T> {
    /// Whether the handler ran.
    pub fn execution(&self) -> Execution {
        match self {
            Resolution::Executed(_) => Execution::Executed,
            Resolution::NotExecuted => Execution::NotExecuted,
            Resolution::Unknown { .. } => Execution::Unknown,
        }
    }
}

/// Leaves the table of those that wait, whether it was told or not.
struct Resolving<'a> {
    shared: &'a Shared,
    waiter: Waiter,
}

impl Drop for Resolving<'_> {
    fn drop(&mut self) {
        self.shared.end_resolve(self.waiter);
    }
}

impl Channel {
    /// What became of a call of this channel that had ended as [`Execution::Unknown`], once the server has told. `R` is what
    /// the method returns in the trait, or for one that is `#[rpc(opaque)]` `Opaque<T>` or `OpaqueResult<T, E>`; the request id
    /// stands in the call's error:
    ///
    /// ```ignore
    /// let office: BoxOfficeClient = carnegie::connect("hall-a:7000").await?;
    /// if let Err(error) = office.sell(4711, section, "Ada").await
    ///     && error.execution() == Execution::Unknown
    ///     && let Some(call) = error.request_id()
    /// {
    ///     match office.resolve::<Result<Ticket, Refused>>(call).await {
    ///         Resolution::Executed(Some(sold)) => { /* what `sell` would have given */ }
    ///         Resolution::Executed(None) => { /* sold, and the ticket is gone */ }
    ///         Resolution::NotExecuted => { /* not sold and never will be: order again */ }
    ///         Resolution::Unknown { .. } => { /* ask the office's own books */ }
    ///     }
    /// }
    /// ```
    ///
    /// The server is asked when the call ends; this only waits for its answer, over lost connections too: for as long as the
    /// answer is remembered ([`Limits::outcomes_for`](rpc_core::Limits#structfield.outcomes_for), 10 minutes) and the server
    /// keeps the session. Put [`tokio::time::timeout`] around it to wait less; it may be asked again, and by several at a
    /// time. Nothing is sent, and to drop this does nothing to the call.
    ///
    /// It is `Unknown` at once for calls that are forgotten, ended otherwise or have not ended, for idempotent methods, which
    /// are called again instead, and when the channel is closed. Where the reply cannot be read as an `R`, or the method does
    /// not return one, it is `Executed` with [`Error::Undecodable`].
    pub async fn resolve<R: Returns>(&self, call: RequestId) -> Resolution<R::Output> {
        let outcome = {
            let shared = self.shared();
            let resolving = Resolving { shared, waiter: shared.begin_resolve(call) };
            poll_fn(|cx| shared.poll_outcome(resolving.waiter, cx)).await
        };
        match outcome {
            Outcome::NotExecuted => Resolution::NotExecuted,
            Outcome::Executed(None) => Resolution::Executed(None),
            Outcome::Executed(Some(reply)) => {
                Resolution::Executed(Some(R::decode(self.check::<R>(&reply).map(|()| &reply))))
            }
            Outcome::Failed(error) => Resolution::Executed(Some(R::decode(Err(error)))),
            Outcome::Unknown { settled } => Resolution::Unknown { settled },
            Outcome::Pending => Resolution::Unknown { settled: false },
        }
    }

    /// The codec would misread another type in silence.
    fn check<R: Returns>(&self, reply: &Reply) -> Result<(), Error> {
        let mut types = Types::default();
        let wanted = R::describe(&mut types);
        let services = self.shared().services();
        let mut methods = services.iter().flat_map(|service| service.methods);
        if methods.any(|method| method.path == reply.method && (method.returns)(&mut types) == wanted) {
            return Ok(());
        }
        let why = format!("{} does not return {}", reply.method, type_name::<R>());
        let (method, request_id) = (reply.method, reply.request_id);
        Err(Error::Undecodable { method, why, request_id, attempts: Default::default() })
    }
}
