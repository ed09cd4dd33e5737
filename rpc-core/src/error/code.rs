//! The class of an error, and whether the handler ran.

use std::fmt;

/// Whether the handler of a failed call ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Execution {
    /// It never started and never will under this request id: trying again is safe.
    NotExecuted,
    /// It ran, once, to its end. Trying again would run it a second time.
    Executed,
    /// Zero or one executions. Trying again may run it a second time.
    Unknown,
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Execution::NotExecuted => "not executed",
            Execution::Executed => "executed",
            Execution::Unknown => "execution unknown",
        })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        /// The class of an error, with the names, numbers and meanings of gRPC's status codes
        /// (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name = $number),* }

        impl Code {
            /// Its number on the wire.
            pub fn to_wire(self) -> u8 { self as u8 }
            /// Reads a number from the wire; one that this version does not know is [`Code::Unknown`].
            pub fn from_wire(number: u8) -> Code {
                match number { $($number => Code::$name,)* _ => Code::Unknown }
            }
        }
    };
}

codes! {
    /// The caller gave up.
    Cancelled = 1,
    /// The other side failed in a way that this version has no name for.
    Unknown = 2,
    /// The arguments cannot be read, or cannot be sent.
    InvalidArgument = 3,
    /// No answer before the deadline.
    DeadlineExceeded = 4,
    /// There is no such service.
    NotFound = 5,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// A limit was reached: message size, calls, connections.
    ResourceExhausted = 8,
    /// Caller and server disagree: versions or signatures.
    FailedPrecondition = 9,
    /// The call was given up in favour of another copy of it.
    Aborted = 10,
    /// The server has no such method.
    Unimplemented = 12,
    /// The handler panicked, or its reply could not be sent.
    Internal = 13,
    /// No server, or none that takes calls now.
    Unavailable = 14,
    /// The call was executed, but its reply is gone.
    DataLoss = 15,
    /// The caller has not said who it is.
    Unauthenticated = 16,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_as_some_code_and_known_ones_survive() {
        for number in 0..=u8::MAX {
            let code = Code::from_wire(number);
            assert!(code == Code::Unknown || code.to_wire() == number);
        }
    }
}
