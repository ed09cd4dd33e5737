//! What ends a connection: bytes from the peer that cannot be.

/// The peer sent something that the protocol does not allow. It ends that connection, never the process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The first bytes are no frame: the peer speaks another protocol.
    #[error("the peer {}: its first bytes are {first}", strange(*speaks))]
    NotCarnegie {
        /// What it speaks instead, if that can be told: `HTTP`, `HTTP/2`, `TLS`, `SSH`.
        speaks: Option<&'static str>,
        /// The first bytes, as text where they are text.
        first: String,
    },
    /// The two sides have no version of the protocol in common.
    #[error("the peer speaks versions {} to {} of the protocol, this side {} to {}", theirs.0, theirs.1, ours.0, ours.1)]
    Version {
        /// The oldest and the newest that the peer speaks.
        theirs: (u16, u16),
        /// The oldest and the newest that this side speaks.
        ours: (u16, u16),
    },
    /// A length that no frame has.
    #[error("a frame of {length} bytes is announced; the least is {least}, the most {most}")]
    FrameLength {
        /// What the frame says.
        length: u32,
        /// The shortest legal frame.
        least: usize,
        /// The longest legal frame.
        most: usize,
    },
    /// The bytes were changed on their way, or the peer counts differently.
    #[error("the checksum of a {kind} frame is {found:#010x}, but its bytes give {computed:#010x}")]
    Checksum {
        /// Kind of the frame, as far as it can be trusted.
        kind: &'static str,
        /// What the frame says.
        found: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// A kind of frame that this version does not know.
    #[error("frame kind {kind} is not known to this version")]
    UnknownKind {
        /// The number.
        kind: u8,
    },
    /// Flags that this version does not know: to ignore them could change what the frame means.
    #[error(
        "a {kind} frame has flags {flags:#04x}, of which {unknown:#04x} are not known here or not allowed there"
    )]
    UnknownFlags {
        /// Kind of the frame.
        kind: &'static str,
        /// All of its flags.
        flags: u8,
        /// The offending ones.
        unknown: u8,
    },
    /// A frame whose fields do not parse.
    #[error("a {kind} frame is malformed: {what}")]
    Malformed {
        /// Kind of the frame.
        kind: &'static str,
        /// Which field, and what is wrong with it.
        what: String,
    },
    /// A legal frame at the wrong time or in the wrong direction.
    #[error("a {kind} frame was not expected {when}")]
    Unexpected {
        /// Kind of the frame.
        kind: &'static str,
        /// The state that this side is in.
        when: &'static str,
    },
    /// The peer went beyond a limit that both had agreed on.
    #[error("the peer exceeded a limit: {what}")]
    LimitExceeded {
        /// Which limit, with both numbers.
        what: String,
    },
    /// The same request id with another method or payload: two clients share one session, or the client is broken.
    #[error("request {slot}-{sequence} came again with another payload")]
    Misuse {
        /// Slot of the request.
        slot: u32,
        /// Its sequence number.
        sequence: u64,
    },
}

fn strange(speaks: Option<&str>) -> String {
    match speaks {
        Some(other) => format!("speaks {other}, not Carnegie's protocol"),
        None => "does not speak Carnegie's protocol".to_owned(),
    }
}
