//! Carnegie is an RPC framework with at-most-once execution. Annotate a trait, implement it on the server, call it on the
//! client; a call that fails says whether it ran.
//!
//! ```
//! use carnegie::{Execution, Schema, Server, service};
//! use serde::{Deserialize, Serialize};
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
//! pub struct Ticket {
//!     pub seat: u32,
//!     pub holder: String,
//! }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
//! pub enum Refused {
//!     SoldOut,
//! }
//!
//! #[service(version = "1.0")]
//! pub trait BoxOffice {
//!     /// Safe to run again: sent again freely, never recorded.
//!     #[rpc(idempotent)]
//!     async fn sold(&self) -> u32;
//!
//!     /// A second run would sell a second seat. At most once is the default: nothing to write.
//!     #[rpc(timeout = "2s")]
//!     async fn sell(&self, holder: &str) -> Result<Ticket, Refused>;
//! }
//!
//! struct Hall(AtomicU32);
//!
//! impl BoxOffice for Hall {
//!     async fn sold(&self) -> u32 {
//!         self.0.load(Relaxed)
//!     }
//!     async fn sell(&self, holder: &str) -> Result<Ticket, Refused> {
//!         match self.0.fetch_add(1, Relaxed) {
//!             seat @ 0..2_790 => Ok(Ticket { seat, holder: holder.to_owned() }),
//!             _ => Err(Refused::SoldOut),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new().add(BoxOfficeServer::new(Hall(AtomicU32::new(0)))).bind("127.0.0.1:0").await?;
//! let address = server.local_addr();
//! tokio::spawn(server.run());
//!
//! let office: BoxOfficeClient = carnegie::connect(address).await?; // resolves, binds, agrees on versions
//! let ticket = office.sell("Ada").await?;
//! assert_eq!(ticket, Ticket { seat: 0, holder: "Ada".to_owned() });
//! if let Err(error) = office.sell("Bob").timeout(std::time::Duration::ZERO).await {
//!     assert_eq!(error.execution(), Execution::NotExecuted); // try again without fear
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! | the client learns | means | what to do |
//! |---|---|---|
//! | `Ok`, [`CallError::Application`] | executed once; the result, refusals by the application included | use it |
//! | [`Execution::NotExecuted`] | never started, and never will be under this request id | try again without fear |
//! | [`Execution::Unknown`] | zero or one executions: the request was written and no answer came | [`resolve`](Channel::resolve) it |
//! | [`Execution::Executed`] | ran once, to its end, and there is no result to show | do not try again |
//!
//! A copy of a request that reaches the server twice runs once, over however many connections it comes. The framework makes a
//! call again by itself only when that is safe: it was certainly not executed, or its method is `#[rpc(idempotent)]`; and only
//! inside the call's deadline and what [`Retry`] allows. An error after several attempts [lists them](Error::attempts).
//!
//! # When it says `Unknown`
//!
//! A call that ends as [`Execution::Unknown`] has run out of time, or lost its server for good, while its answer was still to
//! come. The client does not send it any more, and asks the server for a promise: if you have not started it, never do, and
//! tell me in any case what became of it. [`resolve`](Channel::resolve) waits for that answer, which is final.
//!
//! | [`Resolution`] | means | what to do |
//! |---|---|---|
//! | `Executed(Some(..))` | executed once; what the call would have given | use it |
//! | `Executed(None)` | executed once; neither side holds the result any more | look it up in the application |
//! | `NotExecuted` | never started, and never will be | make the call again without fear |
//! | `Unknown { settled: true }` | the server has forgotten the session: zero or one executions; none will start any more, but one that runs may still take effect | ask the application, once the time that a handler takes is over |
//! | `Unknown { settled: false }` | the server was replaced, the channel closed, or the call forgotten here: zero or one executions, and one may still start | ask the application, and live with the doubt |
//!
//! ```
//! # use carnegie::{Schema, Server, service};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
//! # pub struct Ticket { seat: u32 }
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Schema)]
//! # pub enum Refused { SoldOut }
//! # #[service]
//! # pub trait BoxOffice {
//! #     async fn sell(&self, holder: &str) -> Result<Ticket, Refused>;
//! # }
//! # struct Hall;
//! # impl BoxOffice for Hall {
//! #     async fn sell(&self, _: &str) -> Result<Ticket, Refused> {
//! #         tokio::time::sleep(Duration::from_millis(200)).await;
//! #         Ok(Ticket { seat: 7 })
//! #     }
//! # }
//! use carnegie::{CallError, Client, Execution, Resolution};
//! use std::time::Duration;
//!
//! /// Buys one ticket, and never two, however slow the office.
//! async fn buy(office: &BoxOfficeClient, holder: &str) -> Result<Ticket, CallError<Refused>> {
//!     loop {
//!         let error = match office.sell(holder).timeout(Duration::from_millis(100)).await {
//!             Err(error) if error.execution() == Execution::Unknown => error,
//!             sold => return sold,
//!         };
//!         let Some(call) = error.request_id() else { return Err(error) };
//!         match office.resolve::<Result<Ticket, Refused>>(call).await {
//!             Resolution::Executed(Some(sold)) => return sold,
//!             Resolution::NotExecuted => {} // no seat was sold, and none will be: once more
//!             Resolution::Executed(None) | Resolution::Unknown { .. } => return Err(error), // the office's books know
//!         }
//!     }
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::new().add(BoxOfficeServer::new(Hall)).bind("127.0.0.1:0").await?;
//! # let address = server.local_addr();
//! # tokio::spawn(server.run());
//! # let office: BoxOfficeClient = carnegie::connect(address).await?;
//!
//! assert_eq!(buy(&office, "Ada").await?, Ticket { seat: 7 });
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! - [`service`] and [`Schema`](macro@Schema): what may stand in a trait and in its types.
//! - [`connect`], [`Channel`], [`Client`], [`Call`]: the client's side.
//! - [`Server`], [`Bound`], [`ServerHandle`], [`Context`]: the server's side.
//! - [`Error`], [`CallError`], [`BindError`]: what can go wrong; [`Resolution`]: what became of it.
//! - [`Limits`]: every bound, its default and its reason. [`Retry`]: how often calls are made again.
//! - `testing`, with the feature of that name: a line that breaks on demand, for tests of your own services.

#![forbid(unsafe_code)]

pub use rpc_core::client::Retry;
pub use rpc_core::codec::CodecId;
pub use rpc_core::schema::{Difference, Schema, UnknownVariant};
pub use rpc_core::service::{Opaque, OpaqueResult};
pub use rpc_core::{
    Attempt, Attempts, BindError, CallError, Code, Error, Execution, Hop, Incarnation, Limits, Metadata,
    Offer, RequestId, SessionId, SlotId, Stats, Tried,
};
pub use rpc_transport::{
    Addresses, Bound, ByteStream, Call, Channel, Client, Connect, Context, Dialer, Opening, Resolution,
    Server, ServerHandle, connect, connect_over, connect_with, in_process, stop_signal,
};

/// What a handler knows of the call that it serves, and how a task that it starts inherits the call's deadline.
pub mod context {
    pub use rpc_transport::context::{inherit, inherited};
}

pub mod lock;

#[cfg(feature = "testing")]
pub mod testing;

/// Makes a service of a trait: a client `NameClient`, which calls it, and a server `NameServer`, which serves an
/// implementation of it.
///
/// ```
/// use carnegie::{Context, service};
///
/// #[service(version = "1.1")]
/// pub trait Greeter {
///     /// Arguments are owned values or references: the caller lends, the wire copies, the handler borrows the copy.
///     async fn greet(&self, name: &str) -> String;
///
///     /// Safe to run twice: sent again when a connection is lost, dropped when nobody waits any more.
///     #[rpc(idempotent, timeout = "250ms")]
///     async fn count(&self, names: &[String]) -> u64;
///
///     /// `Result<T, E>` gives the client `Result<T, CallError<E>>`; a first parameter `&Context` is the server's alone.
///     #[rpc(since = "1.1")]
///     async fn rename(&self, cx: &Context, from: String, to: String) -> Result<(), String>;
/// }
/// ```
///
/// On the trait: `version = "major.minor"` (default `"1.0"`), `name = ".."` on the wire (default: the trait's own),
/// `crate = "path"` of this crate, if it is re-exported under another name, `lock = "file"`: a test that compares the service
/// with a committed description of it, see [`lock`].
///
/// On a method, in `#[rpc(..)]`: `idempotent`; `blocking` (runs on tokio's blocking pool: for a handler that holds its thread,
/// since one that does so for longer than about a second keeps its connection from answering pings, and the clients give that
/// up for dead); `timeout = "2s"` (`us`, `ms`, `s`,
/// `m`, `h`; default 10 s); `since = "1.1"` (servers of an earlier minor version do not have it); `opaque` (the result's type
/// does not implement [`Schema`] and is compared by name). On an argument: `#[rpc(opaque)]`.
///
/// Refused, each where it stands and with the reason: `&mut`, raw pointers, `impl Trait`, `dyn Trait`, lifetimes, generics of
/// the trait or of a method, associated types and constants, patterns as arguments, `self` by value, functions that
/// are not async.
pub use rpc_macros::service;

/// Describes how a type looks on the wire, so that client and server can compare it before the first call.
///
/// ```
/// use carnegie::Schema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Schema)]
/// pub struct Order {
///     pub number: u64,
///     #[serde(rename = "who")]
///     pub holder: Option<String>,
/// }
/// ```
///
/// Structures, tuples, enums, generic and recursive types. The types of the standard library that serde knows have it, but for
/// `Weak`, which serde reads as empty; so have `bytes::Bytes` and `BytesMut`.
///
/// Every attribute of serde is honoured or refused where it stands, with the reason:
///
/// | attribute of serde | |
/// |---|---|
/// | `rename`, `rename_all`, `rename_all_fields` | honoured, if writing and reading use the same name, and no two fields or variants of a type do |
/// | `transparent`; `into` with `from` or `try_from`, of one type | honoured: the type is described as the other |
/// | `skip` on a field | honoured: the field is not there |
/// | `bound` | honoured: the same is asked of the parameters |
/// | `default`, `alias`, `deny_unknown_fields`, `expecting`, `crate`, `borrow`; `skip_serializing` on a variant | change nothing on the wire |
/// | `with`, `serialize_with`, `deserialize_with` | refused, unless `#[schema(as = "Type")]` says as what it is written, or `#[schema(opaque)]` hides it |
/// | `flatten`, `tag`, `content`, `untagged`, `other`, `skip_serializing_if`, `variant_identifier`, `field_identifier` | refused: they need names on the wire, and the codec writes none |
/// | `skip`, `skip_deserializing` on a variant; on a field, one of `skip_serializing` and `skip_deserializing` alone | refused: writer and reader would not count alike |
/// | `remote`, `getter` | refused: the structure of the other crate's type is not seen |
///
/// `#[schema(opaque)]` on a field, a variant or a type hides its structure: it is compared by the name of its type alone, a
/// variant by those of the types that it holds; `#[schema(opaque = "geo.Point")]` gives it another name. `#[schema(as = "Type")]` describes it as another type.
/// `#[schema(crate = "path")]` says where this crate is, if it is re-exported under another name.
pub use rpc_macros::Schema;

/// What the macros emit paths into. Nothing here is for people, and nothing here is stable.
#[doc(hidden)]
pub mod __private {
    pub use crate::lock::assert as assert_locked;
    pub use ::core;
    pub use ::std;
    pub use rpc_core::codec::{Decoder, Encoder, Malformed, Unencodable};
    pub use rpc_core::schema::{Describe, Fields, NodeId, Portable, Types, Variant, describe_opaque};
    pub use rpc_core::service::{
        Argument, Descriptor, Fallible, Method, Opaque, OpaqueResult, Plain, Returns, Wire,
    };
    pub use rpc_transport::{
        Binding, Handler, Incoming, Outcome, Service, arguments, context, no_such_method,
    };
}

/// What it takes to call a method that is known at run time only, by a lock file. Nothing here is stable.
#[doc(hidden)]
pub mod __dynamic {
    pub use rpc_core::codec::{Encoder, Unencodable};
    pub use rpc_core::lock::Lock;
    pub use rpc_core::schema::{Content, Node, NodeId, Signature, Types};
    pub use rpc_core::service::{Argument, Descriptor, Failure, Method, Reply, Returns, Verdict};
    pub use rpc_transport::{Arguments, Binding, arguments};
}
