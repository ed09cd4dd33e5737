//! The server's machines: an [`Endpoint`] for the whole server, which opens sessions, and a [`Session`] for each
//! client, which numbers nothing, starts every request at most once, and keeps its replies.
//!
//! They are two so that clients do not wait for each other: the driver locks one session at a time, and the endpoint
//! only in handshakes.

mod attaching;
mod bindings;
mod draining;
mod endpoint;
mod handshake;
mod lane;
mod lease;
mod peers;
mod pool;
mod queue;
mod replies;
mod requests;
mod room;
mod session;
mod share;
mod slot;
mod suggestion;

pub use attaching::Refusal;
pub use draining::Outstanding;
pub use endpoint::{Admission, Arrival, Endpoint, Fresh, Places};
pub use handshake::Handshake;
pub use lane::Lane;
pub use queue::Begin;
pub use session::Session;

use crate::codec::CodecId;
use crate::error::{Code, Hop, ProtocolError};
use crate::frame::Checksum;
use crate::ids::{RequestId, SlotId};
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::service::Verdict;
use crate::time::Instant;
use bytes::Bytes;

/// What a server is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds of memory and time.
    pub limits: Limits,
    /// Codecs that a client may choose from. Default: all that this build has.
    pub codecs: Vec<CodecId>,
    /// What checksums cover. [`Checksum::HeaderOnly`] takes effect if the other side says so too: sensible only over a
    /// stream that protects its bytes, such as TLS. Default: header and payload.
    pub checksum: Checksum,
    /// Name and version of this program, for the clients' logs. Default `carnegie` and this crate's version.
    pub software: String,
    /// Where the memory for a large message comes from: a buffer that is empty and has room for so many bytes. The buffer is
    /// handed on with the message. Default: a new one.
    pub memory: fn(usize) -> Vec<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            codecs: CodecId::AVAILABLE.to_vec(),
            checksum: Checksum::Whole,
            software: concat!("carnegie ", env!("CARGO_PKG_VERSION")).to_owned(),
            memory: Vec::with_capacity,
        }
    }
}

/// A handler that is to be started, if [`Session::begin`] agrees when its turn has come.
#[derive(Debug)]
pub struct Execute {
    /// Slot and number, for [`Session::begin`] and [`Session::complete`].
    pub at: SlotId,
    /// The call's name in logs.
    pub request_id: RequestId,
    /// Index into the endpoint's services.
    pub service: u16,
    /// Index into that service's methods.
    pub method: u16,
    /// It may run more than once, and is dropped when nobody waits for it.
    pub idempotent: bool,
    /// It blocks its thread.
    pub blocking: bool,
    /// Nobody waits for it after this time.
    pub deadline: Instant,
    /// 1 for a first copy, 2 for one that was marked as sent again.
    pub attempt: u8,
    /// The connection that brought it.
    pub lane: Lane,
    /// Pairs of text that came with it.
    pub metadata: Option<Box<Metadata>>,
    /// The arguments, encoded.
    pub payload: Vec<u8>,
}

/// How a handler has ended.
#[derive(Debug)]
pub enum Completion {
    /// Its result, encoded.
    Ok(Vec<u8>),
    /// Its refusal, encoded.
    Application(Vec<u8>),
    /// Its result or its refusal, of which the last bytes are a large block that is not copied.
    Block(Verdict, Vec<u8>, Box<Bytes>),
    /// It ran, and has no result: a panic, a reply that cannot be encoded, a failure that it passes on.
    Failed {
        /// The class of the failure.
        code: Code,
        /// In words.
        message: String,
        /// The nested calls that led to it.
        hops: Vec<Hop>,
    },
    /// The method was not entered: its arguments cannot be decoded.
    NotStarted {
        /// The class of the refusal.
        code: Code,
        /// In words.
        reason: String,
    },
}

/// What the driver must do.
#[derive(Debug)]
pub enum Output {
    /// Start a handler when [`Session::begin`] agrees, and report its end by [`Session::complete`].
    Execute(Execute),
    /// Nobody waits for a handler any more.
    Stop {
        /// Which one.
        at: SlotId,
        /// `true`: drop its future; its end is not wanted. `false`: let it know, it runs to its end.
        drop: bool,
    },
    /// Write what [`Session::poll_transmit`] still gives, then close the connection.
    Close(Lane, Option<ProtocolError>),
    /// Nothing more for now; call [`Session::handle_timeout`] at this time.
    Wait(Instant),
}
