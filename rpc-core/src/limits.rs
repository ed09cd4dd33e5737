//! Every bound of the protocol and of both engines, with its default and its reason. Nothing a peer does can make
//! either side keep, allocate or wait for more than stands here.
//!
//! What a user may want otherwise is a field of [`Limits`], with a setter. The constants are part of the protocol
//! (`docs/protocol.md`, section 12): both ends rely on them without a word about them in the handshake, so that changing one is
//! another version of the protocol. Each says why it is fixed. Those of a single frame or of signatures stand there:
//! [`RELEASE_MAX`](crate::frame::RELEASE_MAX), [`NODES_MAX`](crate::schema::NODES_MAX),
//! [`DIFFERENCES_MAX`](crate::schema::DIFFERENCES_MAX).

use crate::ids::SlotId;
use std::time::Duration;

/// The header of every frame. Fixed: it is what frames are found by.
pub const HEADER_LEN: usize = 24;

/// The largest payload of one frame; a larger message travels in chunks of this size. 64 KiB cost less than a
/// thousandth in headers and keep the line free for other calls within about 20 µs on a fast network. Fixed: buffers are
/// made for it before anything is agreed.
pub const CHUNK_LEN: usize = 64 << 10;

/// A chunk that is not the last of its message carries at least this much: a peer that sends a message in tiny pieces
/// costs more than it pays for, and its connection ends. Fixed: a sender has to know it.
pub const CHUNK_LEN_MIN: usize = 4 << 10;

/// Large messages that one side sends at a time on one connection, in turns of [`TURN_LEN`]; further ones wait for their
/// turn. It bounds what the other side has to gather. Fixed: that side's [`Limits::gathering_max`] is made for it.
pub const LARGE_AT_ONCE: usize = 8;

/// What a large message may write before others get their turn. Those of up to this length go one after the other: the first
/// has been dealt with before the last has come, where taking turns would end them all at the same time.
pub const TURN_LEN: usize = 1 << 20;

/// What is handed to the socket in one go, about. More would let one write hold up replies that are ready meanwhile. No
/// peer notices it; it bounds nothing that a peer could use up.
pub const TRANSMIT_LEN: usize = 128 << 10;

/// The most metadata in one message, encoded. gRPC's customary limit. Fixed: [`FRAME_MAX`] has room for so much;
/// [`Limits::metadata_max`] allows less.
pub const METADATA_MAX: usize = 8 << 10;

/// The longest frame that anybody may send: header, metadata, total length, one chunk. Fixed by these.
pub const FRAME_MAX: usize = HEADER_LEN + 2 + METADATA_MAX + 4 + CHUNK_LEN;

/// The longest `Hello`, `Welcome`, `Bind` and so on: frames that carry tables. A service of 1,024 methods fits. Fixed as
/// [`FRAME_MAX`] is.
pub const TABLE_FRAME_MAX: usize = FRAME_MAX;

/// Methods in one service. A larger trait is refused by the macro; this bounds what a peer may claim. Fixed: the macro
/// knows no server.
pub const METHODS_MAX: usize = 1024;

/// Entries in a session's method table, over all of its bindings. Fixed: indices are 16 bits.
pub const METHOD_TABLE_MAX: usize = 16 * METHODS_MAX;

/// Names and texts in handshake and error frames. Longer texts are cut before they are sent. Fixed: most of them are sent
/// before anything is agreed, or instead.
pub const TEXT_MAX: usize = 4 << 10;

/// Hops of nested calls that an error lists. Deeper chains keep the first and the last ones. Fixed: with as many, an
/// error fits into one frame.
pub const HOPS_MAX: usize = 16;

/// Credentials in a `Hello`. A JSON web token with a certificate chain fits. Fixed: nothing is agreed before the `Hello`,
/// which has to fit into the 64 KiB of a first frame.
pub const CREDENTIALS_MAX: usize = 16 << 10;

/// Connections attached to one session at a time. Fixed: a slot notes in so many bits which of them wait for its reply.
pub const CONNECTIONS_PER_SESSION: usize = 4;

/// The least that a time in [`Limits`] may be, so that a zero leaves a connection that works.
const SHORTEST: Duration = Duration::from_millis(10);

/// The most that a time in [`Limits`] may be: no deadline that is counted from now overflows.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The most that [`Limits::lease`] may be: on the wire it has 32 bits of milliseconds.
const LEASE_MOST: Duration = Duration::from_secs(49 * 24 * 3600);

/// The most that [`Limits::nesting_max`] takes effect for. A level costs between half a kilobyte and one of the 2 MiB of
/// stack that a worker of tokio has, where nothing is optimised; the handler and what called it need theirs too.
pub const NESTING_MOST: usize = 512;

/// The most that [`Limits::zero_sized_max`] takes effect for: reading so many costs no memory, but time.
pub const ZERO_SIZED_MOST: usize = 1 << 24;

/// What may be set. Both sides take the same structure; each field says whom it concerns, and what the least is: whatever
/// is set, a connection works. Times beyond 30 years count as 30 years.
///
/// Each field has a setter of its name:
///
/// ```
/// # use rpc_core::Limits;
/// let limits = Limits::default().slots(64).message_max(1 << 20);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest message, in bytes of payload, that this side sends or accepts. The peer's own limit is learned in the
    /// handshake. Default 16 MiB, at most 4 GiB - 1. Larger messages are refused before anything is sent, with both sizes;
    /// with 0 all messages that are not empty.
    pub message_max: usize,
    /// Calls in flight in one session. The client asks for so many, the server grants at most so many. Default 1,024;
    /// a slot costs about 100 bytes on either side besides the reply that it keeps. At least 1, at most 2^24 - 1.
    ///
    /// A handler that calls back over the channel that its own call came by needs a further slot for each level of nesting:
    /// when as many calls as there are slots wait for each other in such a chain, the innermost one gets no slot, and all
    /// of them end at their deadlines.
    pub slots: u32,
    /// Client: calls that wait for a slot or for a connection. Default 65,536. Beyond it a call fails at once. At least 1:
    /// it is a call that waits for which a lost connection is made again.
    pub waiting_max: usize,
    /// Client and server: bytes of small messages that wait to be written on one connection before new calls have to wait, or (on
    /// the server) requests are no longer read. Default 1 MiB, at least 64 KiB. Large messages, those of more than [`CHUNK_LEN`] and
    /// those whose bytes are not copied, do not hold up small ones: a client does not count them, for it holds their bytes whether
    /// the call waits or its message does, and a server reads on until [`LARGE_AT_ONCE`] times as many bytes of them wait, or
    /// `backlog_max`.
    pub outgoing_max: usize,
    /// Server: bytes of replies that may wait to be written on one connection, with one `message_max` on top and never less
    /// than `outgoing_max`. Default 256 MiB: one of 256 KiB for each of the default's slots. Handlers in tasks of their own end
    /// whether their client reads or not; beyond this the connection is closed, and the log says so. What was executed stays
    /// recorded.
    pub backlog_max: usize,
    /// Bytes of unfinished large messages on their way in on one connection. Default 128 MiB: as many of the largest as a
    /// peer sends at a time ([`LARGE_AT_ONCE`]). A server refuses what goes beyond (never less than one `message_max`); a
    /// client never has less than [`LARGE_AT_ONCE`] times its `message_max`. So 0 is as little as each side can do with.
    pub gathering_max: usize,
    /// Server: bytes of replies that it keeps for one session, to answer copies of requests with. Default 16 MiB. What goes
    /// beyond it costs the session its oldest replies, of which only the fact is kept that the calls were executed; with 0
    /// nothing else is kept of any call.
    pub replies_max: usize,
    /// Server: bytes of replies that it keeps for all sessions together. Default 256 MiB. When they are used up, a session that
    /// needs room for a reply loses its oldest ones, or does not keep this one, and no new session is opened; sessions that
    /// live are left alone.
    pub replies_all_max: usize,
    /// Server: the same for the sessions of one peer, those whose connections are gone included. Default 128 MiB: with the whole of
    /// `replies_all_max` a single peer that acknowledges nothing would keep all new clients out for as long as its sessions live.
    pub replies_per_peer: usize,
    /// Server: sessions at a time, those that wait for their client to come back included. Default 65,536. Beyond it new ones are
    /// refused in the handshake; with 0 all are. None that lives is given up for a new one.
    pub sessions_max: usize,
    /// Server: how long a session outlives its last connection, with its slots, its replies, and the handlers that run. Default
    /// 10 min, at most 49 days; with 0 it ends with its last connection. It counts only while none is attached; after a pause of
    /// the whole process a part of it is given again.
    pub lease: Duration,
    /// The handshake must be over within this time. Default 5 s, at least 10 ms.
    pub handshake: Duration,
    /// A call without a timeout of its own or of its method ends after this. Default 10 s. With 0 such calls end before
    /// anything is sent.
    pub call_timeout: Duration,
    /// A connection with nothing to do is probed this often, by both sides. And the most that the answer to a probe is waited
    /// for longer because of bytes that were written before it. Default 30 s, at least 10 ms.
    pub keep_alive: Duration,
    /// A connection with calls in it that has been silent for this long is probed. Default 1 s, at least 10 ms. After that
    /// the time to wait for an answer follows the measured round trip.
    pub probe_after: Duration,
    /// The least time to wait for the answer to a probe, whatever the round trip. Default 400 ms: longer than the pauses of
    /// a busy process, short enough that a dead peer is noticed within 1.5 s. At least 10 ms. Bytes that were written before
    /// the probe and may not have arrived are given their time first: that of a line of 16 KiB/s.
    pub pong_wait_min: Duration,
    /// A frame of which a part has come must be complete within this time, or its connection is closed: a peer that sends a byte
    /// now and then would hold its buffer for ever. The time in which this side does not read does not count. Default 30 s, at
    /// least 10 ms.
    pub frame_within: Duration,
    /// Server: connections at a time, those in their handshake included. Default 16,384. Beyond it a connection is refused at
    /// once, with when to come again; with 0 all are. Beyond an eighth more it is closed without a word.
    ///
    /// A connection of which a part of a frame has come holds the buffer that it was read into, for [`frame_within`](Self::frame_within)
    /// at most while this side reads: up to 288 KiB with the driver of `carnegie`, 4.5 GiB for so many. `bytes_max` does not count it.
    pub connections_max: usize,
    /// Server: the same for the connections of one peer. Default 4,096. A peer is an IP address (of IPv6 the first 64 bits, the
    /// rest is its own to choose), all clients of a Unix socket, or a stream's name.
    pub connections_per_peer: usize,
    /// Server: sessions at a time that one peer has opened. Default 16,384. Beyond it new ones are refused in the handshake.
    pub sessions_per_peer: usize,
    /// Server: handlers that run at a time. Default 16,384, at least 1. Further requests wait for their turn, those of different
    /// peers in turns. A service that can do only so much at a time (its threads, its database's connections) sets this to it.
    ///
    /// Blocking handlers need a thread of the runtime as well, of which tokio has 512 unless told otherwise: more of them do not run
    /// at a time, and wait in the order in which they came.
    ///
    /// A handler that waits for a call to its own server counts, and so does that call: of a chain of them each needs a place.
    pub executing_max: usize,
    /// Server: the same for the handlers of one peer's calls. Default 4,096, at least 1.
    pub executing_per_peer: usize,
    /// Server: requests at a time that wait for their turn, while so many run as may. Default 16,384, at least 1. Beyond it they are refused, undecoded, as
    /// `NotExecuted(ResourceExhausted)` with when to come again. It bounds how long an accepted call waits: that of a service
    /// with an `executing_max` of its own is best a small multiple of that.
    pub queued_max: usize,
    /// Server: the same for the requests of one peer. Default 4,096, at least 1.
    pub queued_per_peer: usize,
    /// Server: bytes of requests that wait or run, of large messages on their way in, and of replies that wait to be written, over
    /// all connections. Default 1 GiB, and never less than one `message_max`. Beyond it requests are refused as above. What the
    /// driver reads into is not counted: see [`connections_max`](Self::connections_max).
    pub bytes_max: usize,
    /// Server: the same for one peer. Default 512 MiB.
    pub bytes_per_peer: usize,
    /// How deep a value may nest that is sent or read; what nests deeper fails in its own call. Default 128, which is what
    /// serde_json allows; at most [`NESTING_MOST`]. Each level costs stack on either side, so both have to agree to more.
    pub nesting_max: usize,
    /// Elements of size zero in one message that is sent or read: they take no bytes, so no other limit acts on them.
    /// Default 65,536; at most [`ZERO_SIZED_MOST`]. What holds more fails in its own call.
    pub zero_sized_max: usize,
    /// Metadata of one request, in bytes as encoded, that this side sends or accepts. Default 8 KiB, which is the most that a
    /// frame has room for ([`METADATA_MAX`]). A client does not send more; a server refuses such a request, and no other.
    pub metadata_max: usize,
    /// Client: calls that ended as `Unknown` and whose outcome is remembered for `resolve`. Default 1,024; of more the oldest are
    /// forgotten, with 0 all. Their replies take 4 MiB at most, all together.
    pub outcomes_max: usize,
    /// Client: how long such an outcome is remembered after the call's end. Default 10 minutes.
    pub outcomes_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_max: 16 << 20,
            slots: 1024,
            waiting_max: 1 << 16,
            outgoing_max: 1 << 20,
            backlog_max: 256 << 20,
            gathering_max: 128 << 20,
            replies_max: 16 << 20,
            replies_all_max: 256 << 20,
            replies_per_peer: 128 << 20,
            sessions_max: 1 << 16,
            lease: Duration::from_secs(600),
            handshake: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
            probe_after: Duration::from_secs(1),
            pong_wait_min: Duration::from_millis(400),
            frame_within: Duration::from_secs(30),
            connections_max: 16 << 10,
            connections_per_peer: 4 << 10,
            sessions_per_peer: 16 << 10,
            executing_max: 16 << 10,
            executing_per_peer: 4 << 10,
            queued_max: 16 << 10,
            queued_per_peer: 4 << 10,
            bytes_max: 1 << 30,
            bytes_per_peer: 512 << 20,
            nesting_max: 128,
            zero_sized_max: 1 << 16,
            metadata_max: METADATA_MAX,
            outcomes_max: 1024,
            outcomes_for: Duration::from_secs(600),
        }
    }
}

impl Limits {
    /// How many bytes of large replies may wait on one connection while its requests are read. Not so many that the next reply
    /// would end it.
    #[inline]
    pub(crate) fn large_outgoing_max(&self) -> usize {
        let most = self.outgoing_max.saturating_mul(LARGE_AT_ONCE);
        most.min(self.backlog_max.max(self.outgoing_max))
    }

    /// A server's room for replies that wait on one connection. The last one is always let in: it cannot be known before
    /// its handler has ended.
    pub(crate) fn room_for_backlog(&self) -> usize {
        self.backlog_max.max(self.outgoing_max).saturating_add(self.message_max)
    }

    /// The same with every value in the range that its field names, as both engines use it.
    pub(crate) fn sane(self) -> Self {
        let time = |set: Duration| set.clamp(SHORTEST, LONGEST);
        Self {
            message_max: self.message_max.min(u32::MAX as usize),
            slots: self.slots.clamp(1, SlotId::SLOT_MAX),
            waiting_max: self.waiting_max.max(1),
            outgoing_max: self.outgoing_max.max(CHUNK_LEN),
            handshake: time(self.handshake),
            call_timeout: self.call_timeout.min(LONGEST),
            keep_alive: time(self.keep_alive),
            probe_after: time(self.probe_after),
            pong_wait_min: time(self.pong_wait_min),
            frame_within: time(self.frame_within),
            executing_max: self.executing_max.max(1),
            executing_per_peer: self.executing_per_peer.max(1),
            queued_max: self.queued_max.max(1),
            queued_per_peer: self.queued_per_peer.max(1),
            bytes_max: self.bytes_max.max(self.message_max),
            bytes_per_peer: self.bytes_per_peer.max(self.message_max),
            outcomes_for: self.outcomes_for.min(LONGEST),
            lease: self.lease.min(LEASE_MOST),
            ..self
        }
    }

    /// A client's room for unfinished replies: what was set, but as much as a server may send at a time at least. The
    /// calls were executed, so a reply that finds no room would be lost.
    pub(crate) fn room_for_replies(&self) -> usize {
        self.gathering_max.max(self.message_max.saturating_mul(LARGE_AT_ONCE))
    }
}

/// A setter for each field, and the proof that none was forgotten.
macro_rules! setters {
    ($($field:ident: $type:ty),* $(,)?) => {
        impl Limits {
            $(
                #[doc = concat!("Sets [`Limits::", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }

        const _: fn(Limits) = |Limits { $($field: _),* }| {};
    };
}

setters! {
    message_max: usize,
    slots: u32,
    waiting_max: usize,
    outgoing_max: usize,
    backlog_max: usize,
    gathering_max: usize,
    replies_max: usize,
    replies_all_max: usize,
    replies_per_peer: usize,
    sessions_max: usize,
    lease: Duration,
    handshake: Duration,
    call_timeout: Duration,
    keep_alive: Duration,
    probe_after: Duration,
    pong_wait_min: Duration,
    frame_within: Duration,
    connections_max: usize,
    connections_per_peer: usize,
    sessions_per_peer: usize,
    executing_max: usize,
    executing_per_peer: usize,
    queued_max: usize,
    queued_per_peer: usize,
    bytes_max: usize,
    bytes_per_peer: usize,
    nesting_max: usize,
    zero_sized_max: usize,
    metadata_max: usize,
    outcomes_max: usize,
    outcomes_for: Duration,
}

// A chunk, its header and its metadata must fit into the read buffer of a connection, or it could never be decoded.
const _: () = assert!(FRAME_MAX <= 128 << 10);
const _: () = assert!(METHOD_TABLE_MAX <= 1 << 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_their_ranges() {
        assert_eq!(Limits::default().sane(), Limits::default());
    }
}
