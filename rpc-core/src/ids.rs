//! Names of things that cross the wire: sessions, slots, sequence numbers, request ids, incarnations, domains.

use std::fmt;

/// The public number of a session. It stands in request ids, logs and errors and is no secret: resuming a session
/// takes its [`Token`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// What a client must show to resume its session: 128 random bits, sent in the handshake only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(pub [u8; 16]);

impl Token {
    /// Whether the other is the same, in a time that does not tell how much of it is.
    pub fn matches(&self, other: &Token) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differ, (ours, theirs)| differ | (ours ^ theirs)) == 0
    }
}

impl fmt::Debug for Token {
    // Whoever holds a token can take the session over, so it never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// One run of a server process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// The identity of one reply cache. With replies kept in memory it names the server's incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(pub [u8; 16]);

/// The lane of a session that carries a call, together with the call's number in that lane.
///
/// On the wire it is one `u64`: the slot in the low 24 bits, the sequence number in the high 40.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    /// Index of the slot, below 2^24.
    pub slot: u32,
    /// Sequence number in the slot, below 2^40. The first call of a slot has 1.
    pub sequence: u64,
}

impl SlotId {
    /// Slots are numbered in 24 bits.
    pub const SLOT_MAX: u32 = (1 << 24) - 1;
    /// A slot that has reached this number is retired: numbers never wrap.
    pub const SEQUENCE_MAX: u64 = (1 << 40) - 1;

    /// The form on the wire.
    #[inline]
    pub fn to_wire(self) -> u64 {
        u64::from(self.slot & Self::SLOT_MAX) | (self.sequence << 24)
    }

    /// Reads the form on the wire; every value is legal.
    #[inline]
    pub fn from_wire(id: u64) -> Self {
        Self { slot: (id & u64::from(Self::SLOT_MAX)) as u32, sequence: id >> 24 }
    }
}

/// Names one call: session, slot and sequence number. All copies of a call bear the same request id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// The session that the call belongs to.
    pub session: SessionId,
    /// Its lane, and its number there.
    pub at: SlotId,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.session, self.at.slot, self.at.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_id_survives_the_wire() {
        for (slot, sequence) in [(0, 1), (7, 9), (SlotId::SLOT_MAX, SlotId::SEQUENCE_MAX), (1, 1 << 39)] {
            let id = SlotId { slot, sequence };
            assert_eq!(SlotId::from_wire(id.to_wire()), id);
        }
        assert_eq!(
            SlotId::from_wire(u64::MAX),
            SlotId { slot: SlotId::SLOT_MAX, sequence: SlotId::SEQUENCE_MAX }
        );
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", Token([7; 16])), "Token(..)");
    }

    #[test]
    fn tokens_that_differ_in_one_bit_anywhere_do_not_match() {
        let token = Token(std::array::from_fn(|at| at as u8));
        assert!(token.matches(&token.clone()));
        for bit in 0..128 {
            let mut other = token;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!token.matches(&other) && !other.matches(&token), "bit {bit}");
        }
    }

    #[test]
    fn a_request_id_reads_session_slot_sequence() {
        let id = RequestId { session: SessionId(0xab), at: SlotId { slot: 3, sequence: 12 } };
        assert_eq!(id.to_string(), "ab-3-12");
    }
}
