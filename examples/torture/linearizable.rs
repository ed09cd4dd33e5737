//! Is there an order of the calls, each between its beginning and its end, in which every answer is the one that a
//! key-value store gives? Asked of a checker that is not ours; ours is what it is told.

use crate::history::Operation;
use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::Specification;

/// A key's value, as the checker is told.
struct Key;

impl Specification for Key {
    type State = Option<String>;
    type Operation = Operation;

    fn init() -> Option<String> {
        None
    }

    fn apply(operation: &Operation, value: &Option<String>) -> (bool, Option<String>) {
        let (answer, next) = operation.action.on(value);
        match &operation.answer {
            Some(given) if *given != answer => (false, value.clone()),
            _ => (true, next),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Keys with a history of their own.
    pub(crate) keys: usize,
    pub(crate) operations: usize,
    /// Of these, those of which nobody knows whether they ran.
    pub(crate) open: usize,
    /// Histories that no store gives, each as short as it can be cut off at its end.
    pub(crate) condemned: Vec<Vec<Operation>>,
    /// Keys whose histories could not be decided in the time.
    pub(crate) undecided: Vec<String>,
}

/// Checks the histories of all keys, each for itself: what is true of each key is true of the store.
pub(crate) fn check(operations: Vec<Operation>, time: Duration) -> Findings {
    let until = Instant::now() + time;
    let mut findings = Findings { operations: operations.len(), ..Findings::default() };
    let mut keys: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for operation in operations {
        findings.open += usize::from(operation.ended.is_none());
        keys.entry(operation.key.clone()).or_default().push(operation);
    }
    findings.keys = keys.len();
    for (key, operations) in keys {
        match within(until, operations) {
            None => findings.undecided.push(key),
            Some(None) => {}
            Some(Some(shortest)) => findings.condemned.push(shortest),
        }
    }
    findings
}

/// The problem is NP-complete: there are histories that take longer than anyone waits. `None`: it took too long.
fn within(until: Instant, operations: Vec<Operation>) -> Option<Option<Vec<Operation>>> {
    let (send, receive) = channel();
    std::thread::spawn(move || send.send(condemned(&operations)));
    match receive.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(found) => Some(found),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => panic!("the checker panicked"),
    }
}

/// The shortest beginning of a history that is not linearizable, if it is not.
fn condemned(operations: &[Operation]) -> Option<Vec<Operation>> {
    if is_linearizable(operations) {
        return None;
    }
    let mut ends: Vec<u64> = operations.iter().filter_map(|operation| operation.ended).collect();
    ends.sort_unstable();
    // Whatever follows does not mend a beginning, so there is one point at which it breaks.
    let good = ends.partition_point(|end| is_linearizable(&until(operations, *end)));
    Some(ends.get(good).map_or_else(|| operations.to_vec(), |end| until(operations, *end)))
}

/// What was known at that time.
fn until(operations: &[Operation], time: u64) -> Vec<Operation> {
    let begun = operations.iter().filter(|operation| operation.called <= time).cloned();
    let cut = begun.map(|mut operation| {
        if operation.ended.is_none_or(|ended| ended > time) {
            (operation.ended, operation.answer) = (None, None);
        }
        operation
    });
    cut.collect()
}

pub(crate) fn is_linearizable(operations: &[Operation]) -> bool {
    // At one time, calls come before ends: what may have overlapped did.
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        events.push((operation.called, false, index));
        events.push((operation.ended.unwrap_or(u64::MAX), true, index));
    }
    if events.is_empty() {
        return true;
    }
    events.sort_unstable();
    // The checker knows processes that do one thing at a time; here each call is one.
    let actions = events.into_iter().map(|(_, ends, index)| {
        let operation = operations[index].clone();
        (index, if ends { Action::Response(operation) } else { Action::Call(operation) })
    });
    WGLChecker::<Key>::is_linearizable(History::from_actions(actions.collect()))
}

#[cfg(test)]
#[path = "linearizable_tests.rs"]
mod tests;
