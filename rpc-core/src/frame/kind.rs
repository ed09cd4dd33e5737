//! The kinds of frames, and the flags that each may bear.

use crate::error::ProtocolError;
use std::ops::BitOr;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        /// What a frame is. 15 (an item of a stream) and 16 (credit) are reserved.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $name = $number),* }

        impl Kind {
            /// All of them, by number.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// Its name, as errors print it.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => stringify!($name)),* }
            }

            /// Reads a number from the wire.
            ///
            /// # Errors
            /// A number that this version does not know, the reserved ones included.
            #[inline]
            pub fn from_wire(number: u8) -> Result<Kind, ProtocolError> {
                match number {
                    $($number => Ok(Kind::$name),)*
                    kind => Err(ProtocolError::UnknownKind { kind }),
                }
            }
        }
    };
}

kinds! {
    /// Client: opens the connection.
    Hello = 1,
    /// Server: the connection is open, and what was agreed.
    Welcome = 2,
    /// Server: the connection is refused.
    Reject = 3,
    /// Client: wants to call a service.
    Bind = 4,
    /// Server: which of its methods can be called.
    Bound = 5,
    /// Client: a call.
    Request = 6,
    /// Server: its answer.
    Reply = 7,
    /// Either: the next part of a large message.
    Chunk = 8,
    /// Client: never start this call, and tell its outcome.
    Cancel = 9,
    /// Either: are you there?
    Ping = 10,
    /// Either: yes.
    Pong = 11,
    /// Server: no new calls here.
    GoAway = 12,
    /// Client: these replies will not be asked for again.
    Release = 13,
    /// Either: the last frame.
    Close = 14,
}

impl Kind {
    /// Its number on the wire.
    #[inline]
    pub fn to_wire(self) -> u8 {
        self as u8
    }

    /// The flags that a frame of this kind may bear.
    #[inline]
    pub fn flags(self) -> Flags {
        match self {
            Kind::Request => Flags::RESENT | Flags::IDEMPOTENT | Flags::METADATA | Flags::CHUNKED,
            Kind::Reply => Flags::REPLAYED | Flags::ATTACHED | Flags::METADATA | Flags::CHUNKED,
            _ => Flags::NONE,
        }
    }

    /// The name of a number that may be no kind.
    pub(super) fn name_of(number: u8) -> &'static str {
        Kind::from_wire(number).map_or("unknown", Kind::name)
    }
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// Request: an earlier copy of it may have arrived.
    pub const RESENT: Flags = Flags(1);
    /// Request: may run more than once.
    pub const IDEMPOTENT: Flags = Flags(2);
    /// Request, Reply: the body starts with metadata.
    pub const METADATA: Flags = Flags(4);
    /// Reply: comes from the reply cache; the handler ran earlier.
    pub const REPLAYED: Flags = Flags(8);
    /// Reply: this copy of the request found its handler running and waited for it.
    pub const ATTACHED: Flags = Flags(16);
    /// Request, Reply: the payload is longer than this frame; `Chunk`s with the same id bring the rest.
    pub const CHUNKED: Flags = Flags(32);

    /// Whether all of `flags` are set.
    #[inline]
    pub fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These flags, with `flags` added if `on`.
    #[inline]
    #[must_use]
    pub fn with(self, flags: Flags, on: bool) -> Flags {
        if on { self | flags } else { self }
    }

    #[inline]
    pub(super) fn allowed_on(self, kind: Kind) -> Result<Flags, ProtocolError> {
        let unknown = self.0 & !kind.flags().0;
        if unknown != 0 {
            return Err(ProtocolError::UnknownFlags { kind: kind.name(), flags: self.0, unknown });
        }
        Ok(self)
    }
}

impl BitOr for Flags {
    type Output = Flags;
    #[inline]
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}
