use super::*;
use crate::dice::Dice;
use crate::history::{Action as Do, Answer};

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn operation(called: u64, ended: impl Into<Option<u64>>, action: Do, answer: Option<Answer>) -> Operation {
    Operation { key: "k".into(), called, ended: ended.into(), action, answer }
}

/// A call that the answer came to.
fn did(called: u64, ended: u64, action: Do, answer: Option<&str>) -> Operation {
    operation(called, ended, action, Some(Answer::Value(answer.map(str::to_owned))))
}

fn put(value: &str) -> Do {
    Do::Put(value.to_owned())
}

fn change(old: &str, new: &str) -> Do {
    Do::CompareAndSet { old: text(old), new: new.to_owned() }
}

#[test]
fn calls_one_after_the_other_with_true_answers_are_linearizable() {
    let differs = Answer::Differs { found: text("bc") };
    let history = [
        did(1, 2, Do::Get, None),
        did(3, 4, put("a"), None),
        did(5, 6, change("a", "b"), Some("a")),
        did(7, 8, Do::Append("c".into()), Some("b")),
        operation(9, 10, change("b", "d"), Some(differs)),
        did(11, 12, Do::Get, Some("bc")),
        did(13, 14, Do::Delete, Some("bc")),
        did(15, 16, Do::Get, None),
    ];
    assert!(is_linearizable(&history));
}

#[test]
fn a_stale_read_is_condemned() {
    let mut history = vec![
        did(1, 2, put("a"), None),
        did(3, 10, put("b"), Some("a")),
        did(4, 6, Do::Get, Some("b")),
        did(7, 9, Do::Get, Some("a")),
    ];
    assert!(!is_linearizable(&history));
    // Had the two reads overlapped, either may have come first.
    history[3].called = 5;
    assert!(is_linearizable(&history));
}

#[test]
fn a_lost_update_is_condemned() {
    let mut history = vec![
        did(1, 2, put("a"), None),
        did(3, 6, change("a", "b"), Some("a")),
        did(4, 7, change("a", "c"), Some("a")),
        did(8, 9, Do::Get, Some("c")),
    ];
    assert!(!is_linearizable(&history));
    history[1].answer = Some(Answer::Differs { found: text("c") });
    assert!(is_linearizable(&history));
}

#[test]
fn an_acknowledged_write_that_a_kill_has_undone_is_condemned() {
    let history = [did(1, 2, put("a"), None), did(3, 4, put("b"), Some("a")), did(5, 6, Do::Get, Some("a"))];
    assert!(!is_linearizable(&history));
}

#[test]
fn a_write_that_ran_twice_is_condemned() {
    let history = [did(1, 2, Do::Append("a".into()), None), did(3, 4, Do::Get, Some("aa"))];
    assert!(!is_linearizable(&history));
}

#[test]
fn a_value_that_nobody_wrote_is_condemned() {
    assert!(!is_linearizable(&[did(1, 2, Do::Get, Some("a"))]));
}

#[test]
fn a_call_without_a_known_end_may_take_effect_later_or_never_but_not_twice() {
    let open = operation(1, None, put("a"), None);
    let seen = |at, value| did(at, at + 1, Do::Get, value);
    assert!(is_linearizable(&[open.clone(), seen(2, None), seen(4, None)]));
    assert!(is_linearizable(&[open.clone(), seen(2, None), seen(4, Some("a"))]));
    assert!(!is_linearizable(&[open.clone(), seen(2, Some("a")), seen(4, None)]));
    let back = did(4, 5, put("b"), Some("a"));
    assert!(!is_linearizable(&[open, seen(2, Some("a")), back, seen(6, Some("a"))]));
}

#[test]
fn keys_are_checked_each_for_itself_and_the_shortest_bad_beginning_is_shown() {
    let mut history = vec![
        did(1, 2, put("a"), None),
        did(3, 4, Do::Get, None),
        did(5, 6, Do::Get, Some("a")),
        did(1, 2, put("z"), None),
    ];
    history[3].key = "other".into();
    let findings = check(history.clone(), Duration::from_secs(60));
    assert_eq!((findings.keys, findings.operations, findings.open), (2, 4, 0));
    assert_eq!(findings.condemned, [history[..2].to_vec()]);
    assert!(findings.undecided.is_empty());
}

/// All orders, tried one after the other.
fn by_force(left: &[&Operation], value: &Option<String>) -> bool {
    let first_end = left.iter().map(|operation| operation.ended.unwrap_or(u64::MAX)).min();
    // What has no end may not have run.
    left.iter().all(|operation| operation.ended.is_none())
        || left.iter().enumerate().any(|(index, operation)| {
            let (may_be_next, next) = Key::apply(operation, value);
            let mut rest = left.to_vec();
            rest.remove(index);
            Some(operation.called) <= first_end && may_be_next && by_force(&rest, &next)
        })
}

/// A history of few calls by few clients on one key, by chance linearizable or not.
fn drawn(seed: u64) -> Vec<Operation> {
    let mut dice = Dice::new(seed, 0);
    let value = |dice: &mut Dice| ["a", "b"].get(dice.below(3) as usize).map(|value| value.to_string());
    let one = |_| {
        let called = dice.below(12);
        let ended = called + 1 + dice.below(4);
        let action = match dice.below(5) {
            0 => Do::Get,
            1 => put(["a", "b"][dice.below(2) as usize]),
            2 => Do::CompareAndSet { old: value(&mut dice), new: "b".into() },
            3 => Do::Append("a".into()),
            _ => Do::Delete,
        };
        let answer = match dice.below(4) {
            0 => None,
            1 if matches!(action, Do::CompareAndSet { .. }) => {
                Some(Answer::Differs { found: value(&mut dice) })
            }
            _ => Some(Answer::Value(value(&mut dice))),
        };
        let open = answer.is_none() && dice.below(2) == 0;
        operation(called, (!open).then_some(ended), action, answer)
    };
    (0..5).map(one).collect()
}

#[test]
fn the_checker_says_the_same_as_a_trial_of_all_orders() {
    let mut found = [0, 0];
    for seed in 0..5_000 {
        let history = drawn(seed);
        let expected = by_force(&history.iter().collect::<Vec<_>>(), &None);
        assert_eq!(is_linearizable(&history), expected, "seed {seed}: {history:#?}");
        found[usize::from(expected)] += 1;
    }
    assert!(found.iter().all(|found| *found > 300), "too much of one kind: {found:?}");
}
