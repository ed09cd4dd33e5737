//! `Reply`: the answer to a request, or to a cancel.

use super::wire::{self, Reader};
use super::{Checksum, Flags, Header, Kind, MetadataRef, request};
use crate::error::{Code, Hop, ProtocolError};
use crate::ids::SlotId;
use crate::limits::{CHUNK_LEN, HOPS_MAX, TEXT_MAX};

/// Method and address of one hop. With this bound a [`Failure`] always fits into one frame.
const HOP_TEXT_MAX: usize = 1 << 10;
const _: () = assert!(1 + 2 + TEXT_MAX + 1 + HOPS_MAX * 2 * (2 + HOP_TEXT_MAX) <= CHUNK_LEN);

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        /// What became of a call.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Answer { $($(#[$doc])* $name = $number),* }

        impl Answer {
            /// All of them, by number.
            pub const ALL: &'static [Answer] = &[$(Answer::$name),*];

            pub(crate) fn from_wire(number: u16) -> Option<Answer> {
                match number { $($number => Some(Answer::$name),)* _ => None }
            }
        }
    };
}

answers! {
    /// It was executed; the payload is the result.
    #[default]
    Ok = 0,
    /// It was executed and refused by the application; the payload is the refusal.
    Application = 1,
    /// It was executed and failed; the payload is a [`Failure`].
    Failed = 2,
    /// It was executed; its reply is gone, or was not asked for.
    Executed = 3,
    /// It was not started and never will be.
    Fenced = 4,
    /// This copy was not admitted; the payload is a [`Refusal`].
    Refused = 5,
    /// Nobody can say whether it was executed.
    Unknown = 6,
    /// Answers a cancel: the slot still runs an earlier call.
    Busy = 7,
    /// Answers a cancel: the slot has gone on to a later call.
    Stale = 8,
}

impl Answer {
    /// Whether a payload belongs to it.
    #[inline]
    pub fn has_payload(self) -> bool {
        matches!(self, Answer::Ok | Answer::Application | Answer::Failed | Answer::Refused)
    }

    /// Whether the payload may be so large that it is cut.
    #[inline]
    fn may_be_chunked(self) -> bool {
        matches!(self, Answer::Ok | Answer::Application)
    }

    #[inline]
    fn may_be_retried(self) -> bool {
        matches!(self, Answer::Refused | Answer::Busy)
    }
}

/// An answer, or its first part if it is large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Slot and sequence number of the request.
    pub id: SlotId,
    /// What became of it.
    pub answer: Answer,
    /// `Refused` and `Busy` only: when to try again, in milliseconds from now; 0 if the server does not say.
    pub retry_after: u32,
    /// It comes from the reply cache.
    pub replayed: bool,
    /// The copy of the request found the handler running.
    pub attached: bool,
    /// Pairs beside the result.
    pub metadata: Option<MetadataRef<'a>>,
    /// The length of the whole payload, if more of it follows in chunks.
    pub total: Option<u32>,
    /// At most [`CHUNK_LEN`] bytes.
    pub payload: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Appends all that stands before the payload, and returns where the frame starts. The caller appends the payload (the
    /// field `payload` is not looked at) and calls [`super::seal`].
    #[inline]
    pub fn begin(&self, out: &mut Vec<u8>) -> usize {
        let flags = Flags::NONE
            .with(Flags::REPLAYED, self.replayed)
            .with(Flags::ATTACHED, self.attached)
            .with(Flags::METADATA, self.metadata.is_some())
            .with(Flags::CHUNKED, self.total.is_some());
        let start = super::begin(out, Kind::Reply, flags, self.answer as u16, self.retry_after, self.id);
        request::begin_payload(out, self.metadata, self.total);
        start
    }

    /// Appends the frame.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, checksum: Checksum) {
        let start = self.begin(out);
        out.extend_from_slice(self.payload);
        super::seal(out, start, checksum);
    }

    /// Reads the frame; payload and metadata stay where they are.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    #[inline]
    pub fn read(header: &Header, body: &'a [u8]) -> Result<Self, ProtocolError> {
        let Some(answer) = Answer::from_wire(header.method) else {
            return Err(header.malformed(format!("answer {} is not known", header.method)));
        };
        if !answer.may_be_retried() {
            header.no_deadline()?;
        }
        let (metadata, total, payload) = request::read_payload(header, body)?;
        if !answer.has_payload() && !payload.is_empty() {
            return Err(header.malformed(format!("{answer:?} has {} bytes of payload", payload.len())));
        }
        if !answer.may_be_chunked() && total.is_some() {
            return Err(header.malformed(format!("{answer:?} comes in chunks")));
        }
        Ok(Self {
            id: header.id,
            answer,
            retry_after: header.deadline,
            replayed: header.flags.contains(Flags::REPLAYED),
            attached: header.flags.contains(Flags::ATTACHED),
            metadata,
            total,
            payload,
        })
    }
}

/// The payload of [`Answer::Failed`]. It always fits into one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class of the failure.
    pub code: Code,
    /// What happened, in words.
    pub message: String,
    /// If the handler passed on that a call of its own failed: the calls from the handler's own down to that one. Beyond
    /// [`HOPS_MAX`] the middle is left out when it is written.
    pub hops: Vec<Hop>,
}

impl Failure {
    /// Appends the payload.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.code.to_wire());
        wire::put_str(out, &self.message);
        let surplus = self.hops.len().saturating_sub(HOPS_MAX);
        let left_out = HOPS_MAX / 2..HOPS_MAX / 2 + surplus;
        out.push((self.hops.len() - surplus) as u8);
        for (_, hop) in self.hops.iter().enumerate().filter(|(at, _)| !left_out.contains(at)) {
            wire::put_str_within(out, &hop.method, HOP_TEXT_MAX);
            wire::put_str_within(out, &hop.address, HOP_TEXT_MAX);
        }
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(Kind::Reply, payload);
        let code = Code::from_wire(reader.u8("code")?);
        let message = reader.str("message")?.to_owned();
        let count = usize::from(reader.u8("the number of hops")?);
        if count > HOPS_MAX {
            return Err(reader.malformed(format!("{count} hops, at most {HOPS_MAX} are allowed")));
        }
        let mut hops = Vec::with_capacity(count);
        for _ in 0..count {
            let method = reader.str("the method of a hop")?.to_owned();
            hops.push(Hop { method, address: reader.str("the address of a hop")?.to_owned() });
        }
        reader.end()?;
        Ok(Self { code, message, hops })
    }
}

/// The payload of [`Answer::Refused`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The class of the refusal.
    pub code: Code,
    /// The reason, for people.
    pub reason: String,
}

impl Refusal {
    /// Appends the payload.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.code.to_wire());
        wire::put_str(out, &self.reason);
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// `Malformed`, with the field.
    pub fn read(payload: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(Kind::Reply, payload);
        let code = Code::from_wire(reader.u8("code")?);
        let reason = reader.str("reason")?.to_owned();
        reader.end()?;
        Ok(Self { code, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{malformed, only, same};

    fn reply(answer: Answer) -> Reply<'static> {
        Reply { id: SlotId { slot: 5, sequence: 1 }, answer, ..Reply::default() }
    }

    fn read(header: &Header, body: &[u8]) -> Result<(), ProtocolError> {
        Reply::read(header, body).map(|_| ())
    }

    #[test]
    fn a_reply_has_these_bytes() {
        let ticket = Reply { payload: &[0, 0x11, 3, b'A', b'd', b'a'], ..reply(Answer::Ok) };
        same(
            |out| ticket.write(out, Checksum::Whole),
            "1e000000e685556907000000000000000500000100000000001103416461",
        );
    }

    #[test]
    fn every_answer_survives() {
        for answer in Answer::ALL {
            let written = Reply { replayed: true, attached: true, ..reply(*answer) };
            let mut out = Vec::new();
            written.write(&mut out, Checksum::Whole);
            let (header, body) = only(&out);
            assert_eq!(Reply::read(&header, body), Ok(written));
        }
    }

    #[test]
    fn a_failure_has_these_bytes_and_survives() {
        let hop = Hop { method: "Bank.pay".to_owned(), address: "10.0.0.7:7001".to_owned() };
        let failure = Failure { code: Code::Unavailable, message: "no answer".to_owned(), hops: vec![hop] };
        let mut payload = Vec::new();
        failure.write(&mut payload);
        let failed = Reply { attached: true, payload: &payload, ..reply(Answer::Failed) };
        same(
            |out| failed.write(out, Checksum::Whole),
            "3e000000db68693d071002000000000005000001000000000e09006e6f20616e7377657201080042\
             616e6b2e7061790d0031302e302e302e373a37303031",
        );
        assert_eq!(Failure::read(&payload), Ok(failure));
    }

    #[test]
    fn a_long_chain_of_hops_keeps_its_ends_and_fits_into_one_frame() {
        let text = |at: usize| format!("{at}{}", "x".repeat(2 * TEXT_MAX));
        let hops = (0..100).map(|at| Hop { method: text(at), address: text(at) }).collect();
        let mut payload = Vec::new();
        Failure { code: Code::Internal, message: text(0), hops }.write(&mut payload);
        assert!(payload.len() <= CHUNK_LEN);
        let hops = Failure::read(&payload).expect("a failure that was written").hops;
        let kept = (0..8).chain(92..100).map(|at| at.to_string());
        assert_eq!(hops.len(), HOPS_MAX);
        assert!(hops.iter().zip(kept).all(|(hop, at)| hop.method.starts_with(&format!("{at}x"))));
    }

    #[test]
    fn a_refusal_has_these_bytes_and_survives() {
        let refusal = Refusal { code: Code::ResourceExhausted, reason: "overloaded".to_owned() };
        let mut payload = Vec::new();
        refusal.write(&mut payload);
        let refused = Reply { retry_after: 50, payload: &payload, ..reply(Answer::Refused) };
        same(
            |out| refused.write(out, Checksum::Whole),
            "250000009c3c627107000500320000000500000100000000080a006f7665726c6f61646564",
        );
        assert_eq!(Refusal::read(&payload), Ok(refusal));
    }

    #[test]
    fn what_an_answer_does_not_have_is_refused() {
        let text = |reply: Reply<'_>| malformed(|out| reply.write(out, Checksum::Whole), read);
        assert_eq!(text(Reply { payload: b"x", ..reply(Answer::Fenced) }), "Fenced has 1 bytes of payload");
        assert_eq!(text(Reply { total: Some(9), ..reply(Answer::Refused) }), "Refused comes in chunks");
        assert_eq!(text(Reply { retry_after: 5, ..reply(Answer::Ok) }), "the deadline field is 5, not zero");
        let unknown = |out: &mut Vec<u8>| {
            let start = crate::frame::begin(out, Kind::Reply, Flags::NONE, 9, 0, SlotId::default());
            crate::frame::seal(out, start, Checksum::Whole);
        };
        assert_eq!(malformed(unknown, read), "answer 9 is not known");
    }
}
