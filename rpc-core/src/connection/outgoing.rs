//! What waits to be written on one connection: small frames back to back, large messages in turns of [`TURN_LEN`].

use super::{ConnectionTime, Transmit};
use crate::frame::{self, Checksum, Flags, Kind};
use crate::ids::SlotId;
use crate::limits::{CHUNK_LEN, LARGE_AT_ONCE, TRANSMIT_LEN, TURN_LEN};
use crate::time::Instant;
use bytes::Bytes;
use std::collections::VecDeque;

/// What is shorter is copied behind its head: a place of its own would cost more.
const COPIED_MAX: usize = 1 << 10;

/// A message of more than one chunk, or one that is not to be copied.
struct Large {
    id: SlotId,
    /// All of the first frame that stands before the payload.
    head: Vec<u8>,
    /// Of a request: put into the head when that is written, for a ping may set connection time anew until then.
    deadline: Option<Instant>,
    /// What is left of the payload, in two places.
    payload: [Bytes; 2],
    /// Nothing of it was written yet.
    untouched: bool,
    /// Bytes that were written in this turn of it.
    turn: usize,
}

impl Large {
    /// Writes the next part; `true` when it was the last.
    fn write_next(&mut self, out: &mut impl Transmit, checksum: Checksum, time: ConnectionTime) -> bool {
        let bytes = out.bytes();
        let mut start = bytes.len();
        if std::mem::take(&mut self.untouched) {
            if let Some(deadline) = self.deadline {
                frame::set_deadline(&mut self.head, time.to_wire(deadline));
            }
            bytes.append(&mut self.head);
        } else {
            start = frame::begin(bytes, Kind::Chunk, Flags::NONE, 0, 0, self.id);
        }
        let mut room = CHUNK_LEN;
        let part = self.payload.each_mut().map(|piece| {
            let part = piece.split_to(piece.len().min(room));
            room -= part.len();
            part
        });
        frame::seal_with(bytes, start, &part, checksum);
        for piece in part {
            if piece.len() < COPIED_MAX {
                out.bytes().extend_from_slice(&piece);
            } else {
                out.block(piece);
            }
        }
        self.left() == 0
    }

    fn left(&self) -> usize {
        self.payload.iter().map(Bytes::len).sum()
    }
}

/// How far a large message had come when it was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is not here: all of it was handed out, or none of it was ever queued.
    Gone,
    /// Some of its parts were handed out, and the rest will never be.
    Partly,
    /// Nothing of it was handed out.
    NotAtAll,
}

/// The outgoing side of one connection.
pub(crate) struct Outgoing {
    ready: Vec<u8>,
    /// Frames in `ready` that were taken back and will be left out: where each starts there, and its length.
    withdrawn: Vec<(usize, usize)>,
    /// Bytes of `ready` that they take. Never all of it.
    withdrawn_len: usize,
    /// Those that fit into one frame stand before all others: they do not wait for what takes long.
    large: VecDeque<Large>,
    /// How many of them fit into one frame.
    whole: usize,
    /// Bytes of large messages that were not framed yet.
    large_len: usize,
    /// Bytes that were handed to the driver, which counts as written: from then on the peer may have them. Those that were
    /// taken back count too, so that positions stay as they are.
    taken: u64,
    checksum: Checksum,
    /// Silence is expected behind what is ready now, so that no buffer is kept for what comes next.
    resting: bool,
    /// Large messages take turns. Requests do not: any number of them may wait here, and if all were sent side by side, none would be
    /// whole before most of their deadlines, and all be in doubt when the connection is lost.
    turns: bool,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Self {
            ready: Vec::new(),
            withdrawn: Vec::new(),
            withdrawn_len: 0,
            large: VecDeque::new(),
            whole: 0,
            large_len: 0,
            taken: 0,
            checksum: Checksum::Whole,
            // The handshake comes first, and often nothing for long behind it.
            resting: true,
            turns: true,
        }
    }

    /// The same, with large messages one after the other.
    pub(crate) fn in_order() -> Self {
        Self { turns: false, ..Self::new() }
    }

    /// Keeps no buffer once it has handed out what is ready now.
    pub(crate) fn rest(&mut self) {
        self.resting = true;
    }

    pub(crate) fn set_checksum(&mut self, checksum: Checksum) {
        self.checksum = checksum;
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Room for a small frame. It goes out before whatever is left of the large messages.
    #[inline]
    pub(crate) fn ready(&mut self) -> &mut Vec<u8> {
        &mut self.ready
    }

    /// The position in the connection's stream where the next small frame starts.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.taken + self.ready.len() as u64
    }

    /// Queues a message of more than one chunk, or one whose payload is not copied. `head` is all of its first frame that stands
    /// before the payload; `deadline` is that of a request.
    pub(crate) fn push_large(
        &mut self,
        id: SlotId,
        head: Vec<u8>,
        deadline: Option<Instant>,
        payload: [Bytes; 2],
    ) {
        // One copy of a message at a time: the parts of two would mix, each of them sound.
        self.remove_large(id);
        let large = Large { id, head, deadline, payload, untouched: true, turn: 0 };
        self.large_len += large.left();
        if large.left() <= CHUNK_LEN {
            self.large.insert(self.whole, large);
            self.whole += 1;
        } else {
            self.large.push_back(large);
        }
    }

    /// Forgets what was not framed yet of a large message.
    pub(crate) fn remove_large(&mut self, id: SlotId) -> Begun {
        let Some(at) = self.large.iter().position(|large| large.id == id) else { return Begun::Gone };
        let Some(large) = self.large.remove(at) else { return Begun::Gone };
        self.whole -= usize::from(at < self.whole);
        self.large_len -= large.left();
        if large.untouched { Begun::NotAtAll } else { Begun::Partly }
    }

    /// Takes back the small frame that starts at this position of the stream: it will never be written. `false` if it was
    /// handed out already.
    pub(crate) fn withdraw(&mut self, position: u64) -> bool {
        let start = position.checked_sub(self.taken).and_then(|start| usize::try_from(start).ok());
        let Some(start) = start else { return false };
        let Some(length) = self.ready.get(start..).and_then(|frame| frame.first_chunk()) else {
            return false;
        };
        let length = u32::from_le_bytes(*length) as usize;
        self.withdrawn.push((start, length));
        self.withdrawn_len += length;
        if self.withdrawn_len == self.ready.len() {
            self.taken += self.ready.len() as u64;
            self.ready.clear();
            self.forget_withdrawn();
        }
        true
    }

    fn forget_withdrawn(&mut self) {
        self.withdrawn.clear();
        self.withdrawn_len = 0;
    }

    /// Hands out what is ready, without the frames that were taken back.
    fn transmit_ready(&mut self, into: &mut impl Transmit) {
        self.taken += self.ready.len() as u64;
        let nothing_held = into.held() == 0;
        let into = into.bytes();
        if !self.withdrawn.is_empty() {
            self.withdrawn.sort_unstable();
            let mut from = 0;
            for (start, length) in &self.withdrawn {
                into.extend_from_slice(&self.ready[from..*start]);
                from = start + length;
            }
            into.extend_from_slice(&self.ready[from..]);
            self.ready.clear();
            self.forget_withdrawn();
        } else if nothing_held {
            std::mem::swap(into, &mut self.ready);
        } else {
            into.append(&mut self.ready);
        }
    }

    /// Nothing more is written but one last frame.
    pub(crate) fn end_with(&mut self, last: impl FnOnce(&mut Vec<u8>)) {
        (self.large, self.whole, self.large_len) = (VecDeque::new(), 0, 0);
        last(&mut self.ready);
    }

    /// Whether this large message waits and nothing of it was written yet.
    pub(crate) fn is_untouched(&self, id: SlotId) -> bool {
        self.large.iter().any(|large| large.id == id && large.untouched)
    }

    /// Whether the byte at this position of the stream was handed out.
    #[inline]
    pub(crate) fn has_taken(&self, position: u64) -> bool {
        position < self.taken
    }

    /// Bytes of the stream that were handed out so far.
    #[inline]
    pub(crate) fn handed_out(&self) -> u64 {
        self.taken
    }

    /// Bytes that wait, and those that were taken back and still take room.
    #[inline]
    pub(crate) fn backlog(&self) -> usize {
        self.ready.len() + self.large_len
    }

    /// Of these, what small frames take, which go before all others.
    #[inline]
    pub(crate) fn small_backlog(&self) -> usize {
        self.ready.len()
    }

    /// Whether so much waits that no more should be made: `most` bytes of small frames, or `most_large` of large messages, behind
    /// which small ones are not to wait.
    #[inline]
    pub(crate) fn is_full(&self, most: usize, most_large: usize) -> bool {
        self.ready.len() >= most || self.large_len >= most_large
    }

    /// Hands out what is to be written now: everything small, then large messages in turns, up to about
    /// [`TRANSMIT_LEN`] bytes, so that small frames which are queued meanwhile do not wait for the end of the large ones.
    pub(crate) fn transmit(&mut self, into: &mut impl Transmit, time: ConnectionTime) -> bool {
        if self.backlog() == 0 {
            return false;
        }
        let before = into.held();
        self.transmit_ready(into);
        if std::mem::take(&mut self.resting) {
            self.ready = Vec::new();
        }
        let small = into.held();
        while into.held() - before < TRANSMIT_LEN {
            let Some(mut large) = self.large.pop_front() else { break };
            self.whole = self.whole.saturating_sub(1);
            let left = large.left();
            let last = large.write_next(into, self.checksum, time);
            self.large_len -= left - large.left();
            large.turn += left - large.left();
            if last {
                continue;
            }
            let mut at = 0;
            // Its last bytes do not wait for the turns of all others: messages of about a turn's length would end at the same time.
            if self.turns && large.turn >= TURN_LEN && large.left() > CHUNK_LEN {
                large.turn = 0;
                // Behind the others whose turn it is, before those that wait for theirs.
                at = self.large.len().min(LARGE_AT_ONCE - 1);
            }
            self.large.insert(at, large);
        }
        // A burst of large messages leaves no queue behind that has room for all of them.
        if self.large.is_empty() && self.large.capacity() > 2 * LARGE_AT_ONCE {
            self.large = VecDeque::new();
        }
        self.taken += (into.held() - small) as u64;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Ping;
    use crate::time::Instant;

    fn ping(out: &mut Outgoing, number: u64) -> u64 {
        let position = out.position();
        Ping { number }.write(out.ready());
        position
    }

    /// The numbers of the pings that are handed out now.
    fn numbers(out: &mut Outgoing) -> Vec<u64> {
        let mut bytes = Vec::new();
        out.transmit(&mut bytes, ConnectionTime::starting(Instant(0)));
        let mut rest = bytes.as_slice();
        let mut numbers = Vec::new();
        while let Some((header, body)) = frame::split(rest, Checksum::Whole).expect("sound") {
            numbers.push(Ping::read(&header, body).expect("a ping").number);
            rest = &rest[header.length as usize..];
        }
        assert!(rest.is_empty());
        numbers
    }

    #[test]
    fn a_message_of_one_frame_goes_before_those_of_many_and_behind_those_that_came_before_it() {
        let mut out = Outgoing::new();
        let mut push = |slot, len| {
            let (id, mut head) = (SlotId { slot, sequence: 1 }, Vec::new());
            frame::begin(&mut head, Kind::Reply, Flags::NONE, 0, 0, id);
            out.push_large(id, head, None, [Bytes::from(vec![7; len]), Bytes::new()]);
        };
        push(0, 1 << 20);
        push(1, 9 << 10);
        push(2, 1 << 20);
        push(3, CHUNK_LEN);
        assert_eq!(out.remove_large(SlotId { slot: 2, sequence: 1 }), Begun::NotAtAll);
        let mut bytes = Vec::new();
        while out.transmit(&mut bytes, ConnectionTime::starting(Instant(0))) {}
        let (mut rest, mut slots) = (bytes.as_slice(), Vec::new());
        while let Some((header, _)) = frame::split(rest, Checksum::Whole).expect("sound") {
            slots.push(header.id.slot);
            rest = &rest[header.length as usize..];
        }
        assert_eq!(slots[..3], [1, 3, 0]);
        assert!(slots[3..].iter().all(|slot| *slot == 0) && rest.is_empty() && out.backlog() == 0);
    }

    #[test]
    fn frames_that_are_taken_back_are_left_out_wherever_they_stand() {
        for taken_back in 0..1 << 4u32 {
            let mut out = Outgoing::new();
            let all: Vec<_> = (0..4).map(|number| ping(&mut out, number)).collect();
            let back = |number: &u64| taken_back & (1 << number) != 0;
            for number in (0..4).rev().filter(back) {
                assert!(out.withdraw(all[number as usize]));
            }
            assert_eq!(out.backlog() == 0, taken_back == 0b1111);
            assert_eq!(numbers(&mut out), (0..4).filter(|number| !back(number)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_frame_that_was_handed_out_is_not_taken_back() {
        let mut out = Outgoing::new();
        let first = ping(&mut out, 1);
        assert_eq!(numbers(&mut out), [1]);
        let (second, third) = (ping(&mut out, 2), ping(&mut out, 3));
        assert!(!out.withdraw(first) && out.withdraw(second));
        assert_eq!(numbers(&mut out), [3]);
        assert!(!out.withdraw(third), "what went before it does not move it");
        assert!(out.has_taken(third));
        let fourth = ping(&mut out, 4);
        assert!(!out.has_taken(fourth) && out.withdraw(fourth));
        assert_eq!(numbers(&mut out), []);
    }
}
