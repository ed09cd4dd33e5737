//! What the tests of the engines share: a client and a server in one thread, with a clock and a wire of their own.

// Each test file compiles its own copy and uses a part of it.
#![allow(dead_code, unreachable_pub)]

pub mod any;
pub mod blocks;
pub mod clock;
pub mod host;
pub mod pair;
pub mod pipe;
pub mod played;
pub mod services;
pub mod serving;
pub mod wire;

pub use pair::Pair;

use rpc_core::client::Outcome;
use rpc_core::service::Reply;
use rpc_core::{Error, Execution, RequestId};
use std::time::Duration;

/// What the only client's host is called.
pub const PEER: &str = "10.0.0.1";

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// The payload of a call that went well.
pub fn payload(result: &Result<Reply, Error>) -> &[u8] {
    match result {
        Ok(reply) => reply.payload.as_slice(),
        Err(error) => panic!("the call failed: {error}"),
    }
}

/// Why a call failed.
pub fn failure(result: Result<Reply, Error>) -> Error {
    match result {
        Ok(reply) => panic!("the call went well: {reply:?}"),
        Err(error) => error,
    }
}

/// Its number, of an error that says that nobody knows whether the call ran.
pub fn unknown(error: &Error) -> RequestId {
    assert_eq!(error.execution(), Execution::Unknown, "{error}");
    error.request_id().expect("it was written")
}

/// What the client says now of a call that has ended as unknown.
pub fn outcome(pair: &mut Pair, id: RequestId) -> Outcome {
    pair.client.outcome(pair.now, id)
}
