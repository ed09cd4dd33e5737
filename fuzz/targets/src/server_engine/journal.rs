//! What a server has done and said of each number, and what it must not do or say then.

use rpc_core::SessionId;
use rpc_core::SlotId;
use rpc_core::frame::{Answer, Reply};
use std::collections::{BTreeMap, BTreeSet};

/// A number, by its session.
pub(super) type Number = (SessionId, SlotId);

/// What a request asks for: the method's place in the session's table, and the arguments.
pub(super) type Asked = (u16, Vec<u8>);

#[derive(Default)]
pub(super) struct Journal {
    numbers: BTreeMap<Number, Known>,
    /// There is room for all replies.
    pub(super) roomy: bool,
}

#[derive(Default)]
struct Known {
    /// Handlers that were entered, and of these such as may run only once.
    entered: u32,
    once: u32,
    /// The arguments of the one that runs once.
    ran: Option<Vec<u8>>,
    /// What clients have asked for under this number, where that was told in one frame.
    asked: BTreeSet<Asked>,
    /// A request came in parts.
    parts: bool,
    /// A request said that it may run again.
    loose: bool,
    /// It was said that it will never run.
    fenced: bool,
    /// Its reply may have been given up.
    released: bool,
    /// The result that was said.
    result: Option<(Answer, Vec<u8>)>,
}

/// What one connection has said about a number.
#[derive(Default)]
pub(super) struct Words {
    /// Its requests; none if one came in parts.
    pub(super) asked: BTreeSet<Asked>,
    pub(super) parts: bool,
    /// It has cancelled it, and did not care for the reply.
    pub(super) cancelled: bool,
    pub(super) careless: bool,
}

impl Journal {
    /// A request reaches a session.
    pub(super) fn asks(&mut self, number: Number, asked: Option<Asked>, idempotent: bool) {
        let known = self.numbers.entry(number).or_default();
        known.loose |= idempotent;
        match asked {
            Some(asked) => drop(known.asked.insert(asked)),
            None => known.parts = true,
        }
    }

    /// A fence reaches a session.
    pub(super) fn cancels(&mut self, number: Number) {
        self.numbers.entry(number).or_default();
    }

    pub(super) fn releases(&mut self, number: Number) {
        self.numbers.entry(number).or_default().released = true;
    }

    /// A session was ended because of this number.
    pub(super) fn misused(&self, number: Number) {
        let known = self.numbers.get(&number);
        let differs = known.is_some_and(|known| known.parts || known.asked.len() > 1);
        assert!(differs, "{number:?} was asked for in one way only");
    }

    /// Whether whoever asks for this number is answered when its handler has ended: no later one took its slot, and it was never
    /// to run more than once.
    pub(super) fn is_owed(&self, (session, at): Number) -> bool {
        let least = (session, SlotId { slot: at.slot, sequence: 0 });
        let mut of_slot =
            self.numbers.range(least..).take_while(|((of, used), _)| (*of, used.slot) == (session, at.slot));
        of_slot.all(|((_, used), known)| used.sequence < at.sequence || (*used == at && !known.loose))
    }

    /// A handler is entered.
    pub(super) fn enter(&mut self, number: Number, idempotent: bool, payload: &[u8]) {
        let known = self.numbers.entry(number).or_default();
        assert!(!known.fenced, "{number:?} starts, which was fenced");
        assert!(
            known.parts || known.asked.iter().any(|asked| asked.1 == payload),
            "{number:?} starts with what nobody has sent"
        );
        known.entered += 1;
        if !idempotent {
            known.once += 1;
            assert_eq!(known.once, 1, "{number:?} starts again");
            known.ran = Some(payload.to_vec());
        }
    }

    /// It was not, after all.
    pub(super) fn not_entered(&mut self, number: Number, idempotent: bool) {
        let known = self.numbers.entry(number).or_default();
        known.entered -= 1;
        if !idempotent {
            known.once -= 1;
            known.ran = None;
        }
    }

    /// An answer was written, to a connection that has said this.
    pub(super) fn said(&mut self, session: SessionId, reply: &Reply<'_>, words: &Words) {
        let number = (session, reply.id);
        let known = self.numbers.entry(number).or_default();
        match reply.answer {
            Answer::Ok | Answer::Application | Answer::Failed => {
                assert!(known.entered > 0, "{number:?} has a result and never ran");
                // What waited to be written may be of an earlier run.
                if let Some(ran) = known.ran.as_ref().filter(|_| !known.loose) {
                    let asked = words.asked.iter().any(|asked| asked.1 == *ran);
                    let right = asked || words.parts || words.cancelled;
                    assert!(right, "{number:?} has the result of other arguments");
                }
                // Of one that may run again each run has its own; of a long one only the first part is looked at.
                if known.once == 1 && known.entered == 1 {
                    let said = (reply.answer, reply.payload.to_vec());
                    let first = known.result.get_or_insert_with(|| said.clone());
                    assert!(*first == said, "{number:?} has another result than before");
                }
            }
            Answer::Executed => {
                assert_eq!(known.once, 1, "{number:?} is said to be executed");
                let kept = self.roomy && !known.released && !words.careless;
                assert!(!kept, "the reply of {number:?} is lost without need");
            }
            Answer::Fenced => {
                assert_eq!(known.once, 0, "{number:?} is fenced and has run");
                known.fenced = true;
            }
            Answer::Refused | Answer::Unknown | Answer::Busy | Answer::Stale => {}
        }
    }
}
