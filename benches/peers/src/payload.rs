//! What is sent, and whether what comes back is the same.

use crate::Failure;
use crate::cells::Work;
use bytes::Bytes;
use carnegie::Schema;
use serde::{Deserialize, Serialize};

const SMALL: usize = 32;
const LARGE: usize = 256 << 10;
/// Up to this length every byte of every reply is compared; beyond it the first and the last 64 of each, and all of one in 16:
/// comparing takes the client as long as receiving.
const COMPARED_WHOLE: usize = 4 << 10;

/// A struct of five fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub(crate) struct Order {
    pub(crate) number: u64,
    pub(crate) seat: u32,
    pub(crate) holder: String,
    pub(crate) price: f64,
    pub(crate) paid: bool,
}

/// One call to make.
pub(crate) enum Request {
    Echo(Bytes),
    Book(Order),
    Nap(Bytes),
    Burn(Bytes),
}

/// The calls of one task, one after the other. Payloads are made before the load begins, so that making them is not what is
/// measured; no two tasks have the same ones, and a task has a few in turn.
pub(crate) struct Source {
    work: Work,
    task: u64,
    number: u64,
    small: Vec<Bytes>,
    large: Option<Bytes>,
    order: Option<Order>,
}

impl Source {
    pub(crate) fn new(work: Work, task: u64) -> Source {
        let (length, count) = match work {
            Work::Bytes(length) if length > COMPARED_WHOLE => (length, 2),
            Work::Bytes(length) => (length, 4),
            _ => (SMALL, 4),
        };
        Source {
            work,
            task,
            number: 0,
            small: (0..count).map(|which| bytes(task, which, length)).collect(),
            large: (work == Work::Mix).then(|| bytes(task, 99, LARGE)),
            order: None,
        }
    }

    /// The next call, and whether it is one of those whose latency counts.
    pub(crate) fn next(&mut self) -> (Request, bool) {
        self.number += 1;
        let turn = self.number + self.task;
        match self.work {
            Work::Order => {
                let order = order(self.task, self.number);
                self.order = Some(order.clone());
                (Request::Book(order), true)
            }
            Work::Mix if turn.is_multiple_of(10) => (Request::Echo(self.expected().clone()), false),
            Work::Naps if turn.is_multiple_of(100) => (Request::Nap(self.expected().clone()), false),
            Work::Burns if turn.is_multiple_of(100) => (Request::Burn(self.expected().clone()), false),
            _ => (Request::Echo(self.expected().clone()), true),
        }
    }

    /// The payload of the call that is under way.
    pub(crate) fn expected(&self) -> &Bytes {
        match &self.large {
            Some(large) if (self.number + self.task).is_multiple_of(10) => large,
            _ => &self.small[self.number as usize % self.small.len()],
        }
    }

    /// Whether this is the reply to the call that is under way.
    pub(crate) fn check(&self, reply: &[u8]) -> Result<(), Failure> {
        let sent = &self.expected()[..];
        let same = if sent.len() <= COMPARED_WHOLE || self.number.is_multiple_of(16) {
            reply == sent
        } else {
            reply.len() == sent.len()
                && reply[..64] == sent[..64]
                && reply[sent.len() - 64..] == sent[sent.len() - 64..]
        };
        if same {
            return Ok(());
        }
        Err(format!("call {} of task {} got another reply, of {} bytes", self.number, self.task, reply.len())
            .into())
    }

    pub(crate) fn check_order(&self, reply: &Order) -> Result<(), Failure> {
        if self.order.as_ref() == Some(reply) {
            return Ok(());
        }
        Err(format!("call {} of task {} got another reply: {reply:?}", self.number, self.task).into())
    }
}

fn order(task: u64, number: u64) -> Order {
    Order {
        number,
        seat: task as u32,
        holder: "Ada Lovelace".to_owned(),
        price: number as f64 / 4.0,
        paid: number.is_multiple_of(2),
    }
}

/// Bytes that no other task and no other `which` has.
fn bytes(task: u64, which: u64, length: usize) -> Bytes {
    let mut state = (task << 8) | which;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).to_le_bytes()
    });
    words.flatten().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_to_another_task_is_found_out() {
        for length in [32, 64 << 10] {
            let (mut one, mut other) =
                (Source::new(Work::Bytes(length), 1), Source::new(Work::Bytes(length), 2));
            one.next();
            other.next();
            assert!(one.check(one.expected()).is_ok());
            assert!(one.check(other.expected()).is_err());
            assert!(one.check(&one.expected()[1..]).is_err());
        }
    }

    #[test]
    fn a_reply_to_the_call_before_is_found_out() {
        let mut source = Source::new(Work::Bytes(32), 1);
        source.next();
        let before = source.expected().clone();
        source.next();
        assert!(source.check(&before).is_err());
    }

    #[test]
    fn one_call_in_ten_of_the_mix_is_large() {
        let mut source = Source::new(Work::Mix, 3);
        let large =
            (0..100).filter(|_| matches!(source.next().0, Request::Echo(payload) if payload.len() == LARGE));
        assert_eq!(large.count(), 10);
    }
}
