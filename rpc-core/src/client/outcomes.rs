//! What became of calls that ended without it being known: their slots are used again, so the server cannot be asked later.

use crate::error::{Error, Execution};
use crate::ids::RequestId;
use crate::limits::Limits;
use crate::service::Reply;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Bytes of replies that are kept, all together.
const REPLIES_MOST: usize = 4 << 20;

/// What became of a call that had ended as [`Execution::Unknown`]. All but the first are final.
///
/// ```text
///           the server answers                                     the session is gone
///  Pending ---------------------> NotExecuted, Executed, Failed     or it is forgotten
///     +----------------------------------------------------------------------------> Unknown
/// ```
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The server has not answered yet.
    Pending,
    /// It was not executed, and never will be.
    NotExecuted,
    /// It was executed, once. Without the reply if neither side holds it any more.
    Executed(Option<Reply>),
    /// It was executed, once, and the handler panicked, passed a failure on, or returned what cannot be sent.
    Failed(Error),
    /// Nobody can tell whether it was executed.
    Unknown {
        /// It does not start any more: that much is certain.
        settled: bool,
    },
}

impl Outcome {
    /// Whether the handler ran.
    pub fn execution(&self) -> Execution {
        match self {
            Outcome::NotExecuted => Execution::NotExecuted,
            Outcome::Executed(_) | Outcome::Failed(_) => Execution::Executed,
            Outcome::Pending | Outcome::Unknown { .. } => Execution::Unknown,
        }
    }

    /// The bytes of the reply that it holds.
    fn size(&self) -> usize {
        match self {
            Outcome::Executed(Some(reply)) => reply.payload.as_slice().len(),
            _ => 0,
        }
    }
}

/// The last calls that ended as unknown, each from its end until it is too old or too many came after it.
#[derive(Debug)]
pub(super) struct Outcomes {
    most: usize,
    keep: Duration,
    all: BTreeMap<RequestId, Known>,
    /// The keys of `all`, the oldest first.
    order: VecDeque<RequestId>,
    /// Bytes of the replies in `all`.
    held: usize,
}

#[derive(Debug)]
struct Known {
    until: Instant,
    outcome: Outcome,
}

impl Outcomes {
    pub(super) fn new(limits: &Limits) -> Self {
        let (most, keep) = (limits.outcomes_max, limits.outcomes_for);
        Self { most, keep, all: BTreeMap::new(), order: VecDeque::new(), held: 0 }
    }

    /// A call has ended as unknown. Returns the oldest one if it had to go and was still pending.
    pub(super) fn open(&mut self, now: Instant, id: RequestId) -> Option<RequestId> {
        if self.most == 0 || self.all.contains_key(&id) {
            return None;
        }
        let gone = if self.all.len() == self.most { self.forget_oldest() } else { None };
        self.all.insert(id, Known { until: now + self.keep, outcome: Outcome::Pending });
        self.order.push_back(id);
        gone
    }

    /// Whether somebody may still ask for this call, and no answer has come.
    pub(super) fn is_pending(&self, id: RequestId) -> bool {
        self.all.get(&id).is_some_and(Known::is_pending)
    }

    /// Forgets all of them. Returns those that were still pending.
    pub(super) fn clear(&mut self) -> Vec<RequestId> {
        let mut pending = Vec::new();
        while !self.order.is_empty() {
            pending.extend(self.forget_oldest());
        }
        pending
    }

    /// What became of it. `true` if that was still open: the first word is the last one.
    pub(super) fn settle(&mut self, id: RequestId, mut outcome: Outcome) -> bool {
        let Some(known) = self.all.get_mut(&id).filter(|known| known.is_pending()) else { return false };
        match &mut outcome {
            Outcome::Executed(Some(reply)) if reply.payload.as_slice().len() > REPLIES_MOST => {
                outcome = Outcome::Executed(None);
            }
            // So that its bytes are not copied for whoever asks.
            Outcome::Executed(Some(reply)) => reply.payload = reply.payload.share(),
            _ => {}
        }
        known.outcome = outcome;
        self.held += known.outcome.size();
        self.make_room(id);
        true
    }

    /// What is known of a call; of one that never ended as unknown, or is forgotten, nothing.
    pub(super) fn get(&self, now: Instant, id: RequestId) -> Outcome {
        match self.all.get(&id) {
            Some(known) if now < known.until => known.outcome.clone(),
            _ => Outcome::Unknown { settled: false },
        }
    }

    /// Forgets what is too old. Returns those that were still pending.
    pub(super) fn forget_old(&mut self, now: Instant) -> Vec<RequestId> {
        let mut pending = Vec::new();
        while !self.order.is_empty() && self.next() <= now {
            pending.extend(self.forget_oldest());
        }
        pending
    }

    /// When the next one is too old.
    #[inline]
    pub(super) fn next(&self) -> Instant {
        let oldest = self.order.front().and_then(|id| self.all.get(id));
        oldest.map_or(Instant::NEVER, |known| known.until)
    }

    /// The oldest one, if it was still pending.
    fn forget_oldest(&mut self) -> Option<RequestId> {
        let id = self.order.pop_front()?;
        let known = self.all.remove(&id)?;
        self.held -= known.outcome.size();
        known.is_pending().then_some(id)
    }

    /// Of the oldest ones, but not of this one which somebody may wait for, only the fact remains that they were executed.
    fn make_room(&mut self, latest: RequestId) {
        for id in self.order.iter().filter(|id| **id != latest) {
            if self.held <= REPLIES_MOST {
                return;
            }
            if let Some(Known { outcome, .. }) = self.all.get_mut(id)
                && let size @ 1.. = outcome.size()
            {
                self.held -= size;
                *outcome = Outcome::Executed(None);
            }
        }
    }
}

impl Known {
    fn is_pending(&self) -> bool {
        matches!(self.outcome, Outcome::Pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CodecId, Coding};
    use crate::error::{Attempts, Code};
    use crate::ids::{SessionId, SlotId};
    use crate::service::Verdict;

    const NOW: Instant = Instant(7);

    fn id(sequence: u64) -> RequestId {
        RequestId { session: SessionId(1), at: SlotId { slot: 0, sequence } }
    }

    fn at(seconds: u64) -> Instant {
        NOW + Duration::from_secs(seconds)
    }

    /// Room for three calls, each for 10 s.
    fn outcomes() -> Outcomes {
        Outcomes::new(&Limits::default().outcomes_max(3).outcomes_for(Duration::from_secs(10)))
    }

    fn reply(size: usize) -> Outcome {
        Outcome::Executed(Some(Reply {
            verdict: Verdict::Ok,
            payload: vec![7; size].into(),
            coding: Coding::new(CodecId::Bincode, &Limits::default()),
            method: "Hall.sell",
            request_id: None,
            evolution: None,
        }))
    }

    fn bytes(outcome: &Outcome) -> Option<usize> {
        match outcome {
            Outcome::Executed(Some(reply)) => Some(reply.payload.as_slice().len()),
            Outcome::Executed(None) => None,
            other => panic!("{other:?}"),
        }
    }

    fn is_forgotten(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Unknown { settled: false })
    }

    #[test]
    fn a_call_is_pending_until_it_is_settled_and_then_keeps_its_outcome() {
        let mut outcomes = outcomes();
        outcomes.open(NOW, id(1));
        assert!(matches!(outcomes.get(NOW, id(1)), Outcome::Pending));
        assert!(outcomes.settle(id(1), reply(5)));
        assert!(!outcomes.settle(id(1), Outcome::NotExecuted));
        assert_eq!(bytes(&outcomes.get(NOW, id(1))), Some(5));
        assert_eq!(bytes(&outcomes.get(NOW, id(1))), Some(5), "asked for again");
    }

    #[test]
    fn nothing_is_known_of_a_call_that_never_ended_as_unknown() {
        let mut outcomes = outcomes();
        assert!(!outcomes.settle(id(1), Outcome::NotExecuted));
        assert!(is_forgotten(&outcomes.get(NOW, id(1))));
    }

    #[test]
    fn a_failed_handler_was_executed() {
        let (method, address, attempts) = ("Hall.sell", "hall:1".into(), Attempts::default());
        let (code, message) = (Code::Internal, "panicked: no seat".to_owned());
        let failed = Error::Internal { method, address, code, message, request_id: None, attempts };
        assert_eq!(Outcome::Failed(failed).execution(), Execution::Executed);
        assert_eq!(Outcome::Pending.execution(), Execution::Unknown);
    }

    #[test]
    fn the_oldest_goes_when_too_many_are_remembered() {
        let mut outcomes = outcomes();
        (1..=3).for_each(|n| assert_eq!(outcomes.open(NOW, id(n)), None));
        assert_eq!(outcomes.open(NOW, id(4)), Some(id(1)), "it was pending, so somebody may wait");
        outcomes.settle(id(2), Outcome::NotExecuted);
        assert_eq!(outcomes.open(NOW, id(5)), None);
        assert!([1, 2].iter().all(|n| is_forgotten(&outcomes.get(NOW, id(*n)))));
        assert!([3, 4, 5].iter().all(|n| !is_forgotten(&outcomes.get(NOW, id(*n)))));
    }

    #[test]
    fn a_call_is_forgotten_when_its_time_is_over() {
        let mut outcomes = outcomes();
        outcomes.open(NOW, id(1));
        outcomes.open(NOW, id(2));
        outcomes.open(at(5), id(3));
        outcomes.settle(id(2), reply(5));
        assert_eq!(outcomes.next(), at(10));
        assert!(outcomes.forget_old(at(9)).is_empty());
        assert!(is_forgotten(&outcomes.get(at(10), id(2))), "before anybody has cleared up");
        assert_eq!(outcomes.forget_old(at(10)), [id(1)], "the other one was settled");
        assert_eq!((outcomes.next(), outcomes.held), (at(15), 0));
        assert_eq!(outcomes.forget_old(Instant::NEVER), [id(3)]);
        assert_eq!(outcomes.next(), Instant::NEVER);
        assert!(outcomes.forget_old(Instant::NEVER).is_empty());
    }

    /// What is left of the three replies.
    fn kept(outcomes: &Outcomes) -> [Option<usize>; 3] {
        [1, 2, 3].map(|n| bytes(&outcomes.get(NOW, id(n))))
    }

    #[test]
    fn replies_beyond_four_mebibytes_leave_the_fact_that_the_oldest_were_executed() {
        let mut outcomes = outcomes();
        (1..=3).for_each(|n| assert_eq!(outcomes.open(NOW, id(n)), None));
        outcomes.settle(id(2), reply(3 << 20));
        outcomes.settle(id(1), reply(1 << 20));
        assert_eq!(bytes(&outcomes.get(NOW, id(2))), Some(3 << 20), "that is just what there is room for");
        outcomes.settle(id(3), reply(1 << 20));
        assert_eq!(kept(&outcomes), [None, Some(3 << 20), Some(1 << 20)]);
        assert_eq!(outcomes.held, 4 << 20);
    }

    #[test]
    fn the_latest_reply_is_kept_however_old_its_call() {
        let mut outcomes = outcomes();
        (1..=3).for_each(|n| assert_eq!(outcomes.open(NOW, id(n)), None));
        [3, 2, 1].into_iter().for_each(|n| assert!(outcomes.settle(id(n), reply(2 << 20))));
        assert_eq!(kept(&outcomes), [Some(2 << 20), None, Some(2 << 20)]);
    }

    #[test]
    fn a_reply_beyond_all_room_is_not_kept_and_drops_no_other() {
        let mut outcomes = outcomes();
        (1..=3).for_each(|n| assert_eq!(outcomes.open(NOW, id(n)), None));
        outcomes.settle(id(1), reply(5));
        assert!(outcomes.settle(id(2), reply((4 << 20) + 1)));
        outcomes.settle(id(3), Outcome::Executed(None));
        assert_eq!((kept(&outcomes), outcomes.held), ([Some(5), None, None], 5));
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut outcomes = Outcomes::new(&Limits::default().outcomes_max(0));
        assert_eq!(outcomes.open(NOW, id(1)), None);
        assert!(is_forgotten(&outcomes.get(NOW, id(1))));
        assert_eq!((outcomes.all.len(), outcomes.order.len()), (0, 0));
    }
}
