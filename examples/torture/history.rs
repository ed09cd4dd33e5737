//! What a client of the store did and saw, as a line of text in its history.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) key: String,
    /// By [`crate::clock::now`], before the call.
    pub(crate) called: u64,
    /// After its end. `None`: nobody knows whether it ran or will; it may take effect at any later time, or never.
    pub(crate) ended: Option<u64>,
    pub(crate) action: Action,
    /// `None`: no answer came.
    pub(crate) answer: Option<Answer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    Get,
    Put(String),
    CompareAndSet { old: Option<String>, new: String },
    Append(String),
    Delete,
}

/// What the store answers: of a write, the value that it replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Value(Option<String>),
    Differs { found: Option<String> },
}

impl Action {
    /// What it answers where the key has this value, and which value the key has then. This is all that a key-value store is
    /// to do, said once more without the store's own code.
    pub(crate) fn on(&self, value: &Option<String>) -> (Answer, Option<String>) {
        let next = match self {
            Action::Get => value.clone(),
            Action::Put(new) => Some(new.clone()),
            Action::CompareAndSet { old, .. } if old != value => {
                return (Answer::Differs { found: value.clone() }, value.clone());
            }
            Action::CompareAndSet { new, .. } => Some(new.clone()),
            Action::Append(more) => Some(format!("{}{more}", value.as_deref().unwrap_or_default())),
            Action::Delete => None,
        };
        (Answer::Value(value.clone()), next)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { key, called, ended, action, answer } = self;
        let micros = |nanos: u64| nanos / 1000;
        write!(f, "{key}: from {} to ", micros(*called))?;
        match ended {
            Some(ended) => write!(f, "{} µs", micros(*ended))?,
            None => f.write_str("?")?,
        }
        write!(f, ": {action:?} -> ")?;
        match answer {
            Some(answer) => write!(f, "{answer:?}"),
            None => f.write_str("?"),
        }
    }
}
