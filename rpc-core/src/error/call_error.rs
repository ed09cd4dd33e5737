//! The handler's own refusal, or the framework's failure.

use super::{Error, Execution};
use crate::ids::RequestId;
use std::fmt;

/// Why a call to a method `-> Result<T, E>` has no `T`. `E` needs nothing of this crate.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError<E> {
    /// The handler's own refusal. It was executed, and the refusal is its result.
    Application(E),
    /// The framework's failure: see [`Error::execution`].
    Failed(Error),
}

impl<E> CallError<E> {
    /// The handler's refusal, or the framework's failure as an error of its own.
    ///
    /// # Errors
    /// The framework's failure.
    pub fn application(self) -> Result<E, Error> {
        match self {
            CallError::Application(error) => Ok(error),
            CallError::Failed(error) => Err(error),
        }
    }

    /// Whether the handler ran: a refusal is a result, so it did.
    pub fn execution(&self) -> Execution {
        match self {
            CallError::Application(_) => Execution::Executed,
            CallError::Failed(error) => error.execution(),
        }
    }

    /// The number of a call that failed, if it was given one: see [`Error::request_id`]. None for a refusal.
    pub fn request_id(&self) -> Option<RequestId> {
        match self {
            CallError::Application(_) => None,
            CallError::Failed(error) => error.request_id(),
        }
    }
}

impl<E> From<Error> for CallError<E> {
    fn from(error: Error) -> Self {
        CallError::Failed(error)
    }
}

// `Debug` is all that is asked of E: with `E: Display` a plain enum would not convert with `?`.
impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Application(error) => write!(f, "refused: {error:?}"),
            CallError::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Application(_) => None,
            CallError::Failed(error) => std::error::Error::source(error),
        }
    }
}
