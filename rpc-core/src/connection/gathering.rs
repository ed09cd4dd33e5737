//! Large messages on their way in: the parts of each are gathered until it is whole. They die with the connection.

use super::ConnectionTime;
use crate::error::ProtocolError;
use crate::frame::{Flags, Kind, Reply, Request};
use crate::ids::SlotId;
use crate::limits::{CHUNK_LEN_MIN, LARGE_AT_ONCE};
use crate::metadata::Metadata;
use crate::time::Instant;

/// Two texts with their places in memory, beside their bytes.
const PAIR_LEN: usize = 128;

/// Unfinished messages of a connection, of which its peer sends [`LARGE_AT_ONCE`] at a time. The others it has left.
const UNFINISHED_MAX: usize = 8 * LARGE_AT_ONCE;

/// A message has memory for so many times what has come of it when it begins: most never have to move.
const AHEAD: usize = 16;

/// What there is room for.
pub(crate) struct Room {
    /// What one message may have.
    pub(crate) most: usize,
    /// What all unfinished ones of a connection may have together.
    pub(crate) all: usize,
    /// Where their memory comes from.
    pub(crate) memory: fn(usize) -> Vec<u8>,
}

/// The first frame of a large message, without its part of the payload.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) flags: Flags,
    pub(crate) method: u16,
    /// Of a request, by the connection time of its first frame.
    pub(crate) deadline: Instant,
    pub(crate) id: SlotId,
    pub(crate) metadata: Option<Box<Metadata>>,
}

impl Head {
    pub(crate) fn of_request(request: &Request<'_>, time: ConnectionTime) -> Self {
        let flags =
            Flags::NONE.with(Flags::RESENT, request.resent).with(Flags::IDEMPOTENT, request.idempotent);
        let metadata = request.metadata.map(|metadata| Box::new(metadata.to_metadata()));
        Self {
            kind: Kind::Request,
            flags,
            method: request.method,
            deadline: time.instant(request.deadline),
            id: request.id,
            metadata,
        }
    }

    pub(crate) fn of_reply(reply: &Reply<'_>) -> Self {
        let method = reply.answer as u16;
        Self {
            kind: Kind::Reply,
            flags: Flags::NONE,
            method,
            deadline: Instant::NEVER,
            id: reply.id,
            metadata: None,
        }
    }
}

/// The payload of a message, before anybody decides whether to keep it.
pub(crate) enum Body<'a> {
    /// In the read buffer.
    Part(&'a [u8]),
    /// Gathered from chunks.
    Whole(Vec<u8>),
}

impl Body<'_> {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Body::Part(part) => part,
            Body::Whole(whole) => whole,
        }
    }
}

/// A large message that is whole.
pub(crate) struct Gathered {
    pub(crate) head: Head,
    pub(crate) payload: Vec<u8>,
}

struct Unfinished {
    head: Head,
    total: usize,
    payload: Vec<u8>,
    /// What it takes of `announced`: payload and metadata.
    held: usize,
}

/// The unfinished messages of one connection.
pub(crate) struct Gathering {
    // A handful at a time: a search beats any index.
    unfinished: Vec<Unfinished>,
    /// What the unfinished messages will hold when they are whole.
    announced: usize,
    /// None of them is late before this.
    next_deadline: Instant,
}

impl Default for Gathering {
    fn default() -> Self {
        Self { unfinished: Vec::new(), announced: 0, next_deadline: Instant::NEVER }
    }
}

/// Why a large message is not taken. It fails alone: its later chunks are dropped.
pub(crate) struct Refused {
    pub(crate) reason: String,
    /// Others take the room at present: it may be taken a little later.
    pub(crate) later: bool,
}

impl Gathering {
    /// The first frame of a large message. `total` is what it announces.
    pub(crate) fn begin(
        &mut self,
        head: Head,
        total: usize,
        part: &[u8],
        Room { most, all, memory }: Room,
    ) -> Result<Result<(), Refused>, ProtocolError> {
        check_part(head.kind, part.len(), total)?;
        self.remove(head.id);
        if total > most {
            let what = if head.kind == Kind::Request { "request" } else { "reply" };
            let reason = format!("the {what} has {total} bytes, but the limit here is {most}");
            return Ok(Err(Refused { reason, later: false }));
        }
        let held = total + head.metadata.as_deref().map_or(0, held_by);
        if self.announced.saturating_add(held) > all {
            let reason =
                format!("unfinished large messages of this connection would hold more than {all} bytes");
            return Ok(Err(Refused { reason, later: self.announced > 0 }));
        }
        if self.unfinished.len() >= UNFINISHED_MAX {
            let reason = format!("{UNFINISHED_MAX} large messages of this connection are unfinished");
            return Ok(Err(Refused { reason, later: true }));
        }
        // Memory follows what has come, not what was announced.
        let mut payload = memory(total.min(part.len() * AHEAD));
        payload.extend_from_slice(part);
        self.announced += held;
        self.next_deadline = self.next_deadline.min(head.deadline);
        self.unfinished.push(Unfinished { head, total, payload, held });
        Ok(Ok(()))
    }

    /// A further part. Parts of messages that were refused or cancelled are dropped.
    pub(crate) fn chunk(&mut self, id: SlotId, part: &[u8]) -> Result<Option<Gathered>, ProtocolError> {
        let Some(at) = self.unfinished.iter().position(|u| u.head.id == id) else { return Ok(None) };
        let message = &mut self.unfinished[at];
        let left = message.total - message.payload.len();
        if part.len() > left {
            let what = format!("{} bytes come where {left} are missing", part.len());
            return Err(ProtocolError::Malformed { kind: Kind::Chunk.name(), what });
        }
        if part.len() < left {
            check_part(Kind::Chunk, part.len(), left)?;
        }
        let needed = message.payload.len() + part.len();
        if message.payload.capacity() < needed {
            let room = (needed * 2).min(message.total) - message.payload.len();
            message.payload.reserve_exact(room);
        }
        message.payload.extend_from_slice(part);
        if message.payload.len() < message.total {
            return Ok(None);
        }
        let whole = self.unfinished.swap_remove(at);
        self.announced -= whole.held;
        Ok(Some(Gathered { head: whole.head, payload: whole.payload }))
    }

    /// What all unfinished messages hold now.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.unfinished.iter().map(|u| u.payload.capacity() + u.held - u.total).sum()
    }

    /// No message is late before this.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Instant {
        self.next_deadline
    }

    /// Forgets messages whose time is over: nobody waits for what would be done with them.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<SlotId> {
        if now < self.next_deadline {
            return Vec::new();
        }
        let late = |u: &&Unfinished| u.head.deadline <= now;
        let late: Vec<SlotId> = self.unfinished.iter().filter(late).map(|u| u.head.id).collect();
        for id in &late {
            self.remove(*id);
        }
        self.next_deadline = self.unfinished.iter().map(|u| u.head.deadline).min().unwrap_or(Instant::NEVER);
        late
    }

    /// Forgets an unfinished message. Whether it was there.
    pub(crate) fn remove(&mut self, id: SlotId) -> bool {
        let found = self.unfinished.iter().position(|u| u.head.id == id);
        if let Some(at) = found {
            self.announced -= self.unfinished.swap_remove(at).held;
        }
        found.is_some()
    }
}

/// Short pairs take far more room in memory than on the wire.
fn held_by(metadata: &Metadata) -> usize {
    metadata.encoded_len() + metadata.iter().count() * PAIR_LEN
}

fn check_part(kind: Kind, part: usize, total: usize) -> Result<(), ProtocolError> {
    if part >= total {
        let what = format!("a part of {part} bytes does not leave anything of {total} to follow");
        return Err(ProtocolError::Malformed { kind: kind.name(), what });
    }
    if part < CHUNK_LEN_MIN {
        let what =
            format!("a chunk of {part} bytes that is not its message's last; the least is {CHUNK_LEN_MIN}");
        return Err(ProtocolError::LimitExceeded { what });
    }
    Ok(())
}
