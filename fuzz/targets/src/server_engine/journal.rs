//! What a server has done and said of each number, and what it must not do or say then.

use rpc_core::frame::{Answer, Reply};
use rpc_core::{SessionId, SlotId};
use std::collections::BTreeMap;

/// A number, by its session.
pub(super) type Number = (SessionId, SlotId);

#[derive(Default)]
pub(super) struct Journal(BTreeMap<Number, Known>);

#[derive(Default)]
struct Known {
    /// Handlers that were entered, and of these such as may run only once.
    entered: u32,
    once: u32,
    /// It was said that it will never run.
    fenced: bool,
    /// The result that was said.
    result: Option<(Answer, Vec<u8>)>,
}

impl Journal {
    /// A handler is entered.
    pub(super) fn enter(&mut self, number: Number, idempotent: bool) {
        let known = self.0.entry(number).or_default();
        assert!(!known.fenced, "{number:?} starts, which was fenced");
        known.entered += 1;
        if !idempotent {
            known.once += 1;
            assert_eq!(known.once, 1, "{number:?} starts again");
        }
    }

    /// It was not, after all.
    pub(super) fn not_entered(&mut self, number: Number, idempotent: bool) {
        let known = self.0.entry(number).or_default();
        known.entered -= 1;
        known.once -= u32::from(!idempotent);
    }

    /// An answer was written.
    pub(super) fn said(&mut self, session: SessionId, reply: &Reply<'_>) {
        let number = (session, reply.id);
        let known = self.0.entry(number).or_default();
        match reply.answer {
            Answer::Ok | Answer::Application | Answer::Failed => {
                assert!(known.entered > 0, "{number:?} has a result and never ran");
                // Of one that may run again each run has its own; of a long one only the first part is looked at.
                if known.once == 1 && known.entered == 1 {
                    let said = (reply.answer, reply.payload.to_vec());
                    let first = known.result.get_or_insert_with(|| said.clone());
                    assert!(*first == said, "{number:?} has another result than before");
                }
            }
            Answer::Executed => assert!(known.entered > 0, "{number:?} was executed and never ran"),
            Answer::Fenced => {
                assert_eq!(known.once, 0, "{number:?} is fenced and has run");
                known.fenced = true;
            }
            Answer::Refused | Answer::Unknown | Answer::Busy | Answer::Stale => {}
        }
    }
}
