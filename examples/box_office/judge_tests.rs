//! Right journals pass, every kind of wrong journal is condemned, for its own fault and for no other.

use super::*;

const HALL: [(&str, u32); 2] = [("Parquet", 2), ("Balcony", 3)];
const ORDERS: [(u64, &str); 5] =
    [(11, "Parquet"), (12, "Balcony"), (13, "Parquet"), (14, "Parquet"), (15, "Balcony")];
const JOURNAL: [&str; 5] = [
    "9f,a-0-1,11,Parquet,1",
    "9f,a-1-1,12,Balcony,1",
    "9f,b-0-1,13,Parquet,2",
    "9f,a-0-2,14,Parquet,sold out",
    "9f,b-0-2,15,Balcony,2",
];

fn answered(order: u64, outcome: Outcome) -> Answer {
    Answer { order, micros: 80, outcome }
}

fn sold(order: u64, section: &str, seat: u32) -> Answer {
    answered(order, Outcome::Sold { section: section.into(), seat })
}

fn failed(order: u64, execution: Execution) -> Answer {
    answered(order, Outcome::Failed { execution, kind: "Unavailable".into(), message: String::new() })
}

fn right_answers() -> Vec<Answer> {
    vec![
        sold(11, "Parquet", 1),
        sold(12, "Balcony", 1),
        sold(13, "Parquet", 2),
        answered(14, Outcome::SoldOut),
        sold(15, "Balcony", 2),
    ]
}

fn judged(journal: &[u8], answers: &[Answer]) -> Verdict {
    judge(&Case { hall: &HALL, asked: &BTreeMap::from(ORDERS), journal, answers })
}

fn lines(journal: &[&str]) -> Vec<u8> {
    journal.iter().flat_map(|line| line.bytes().chain([b'\n'])).collect()
}

/// The faults of the right case after a change to the journal.
fn faults_of(change: impl FnOnce(&mut Vec<&'static str>)) -> Vec<Fault> {
    let mut journal = JOURNAL.to_vec();
    change(&mut journal);
    judged(&lines(&journal), &right_answers()).faults
}

/// The faults of the right case after a change to the answers.
fn faults_told(change: impl FnOnce(&mut Vec<Answer>)) -> Vec<Fault> {
    let mut answers = right_answers();
    change(&mut answers);
    judged(&lines(&JOURNAL), &answers).faults
}

#[test]
fn a_right_journal_is_acquitted_and_counted() {
    let verdict = judged(&lines(&JOURNAL), &right_answers());
    assert_eq!(verdict.faults, []);
    assert_eq!(verdict.executions, 5);
    assert_eq!(verdict.sold, BTreeMap::from([("Parquet".into(), 2), ("Balcony".into(), 2)]));
    assert_eq!(verdict.sold_out, BTreeMap::from([("Parquet".into(), 1)]));
}

#[test]
fn the_order_of_the_lines_does_not_matter() {
    assert_eq!(faults_of(|journal| journal.reverse()), []);
}

#[test]
fn an_order_that_sold_two_seats_is_condemned_and_the_second_seat_was_not_told() {
    let faults = faults_of(|journal| journal.push("9f,b-1-1,12,Balcony,3"));
    assert_eq!(
        faults,
        [
            Fault::OrderTwice { order: 12, lines: [2, 6] },
            Fault::Different { order: 12, line: 6, told: "Balcony 1".into() }
        ]
    );
}

#[test]
fn an_order_that_was_executed_by_two_incarnations_is_condemned() {
    let faults = faults_of(|journal| journal.push("a0,a-0-2,14,Parquet,sold out"));
    assert_eq!(faults, [Fault::OrderTwice { order: 14, lines: [4, 6] }]);
}

#[test]
fn an_order_that_ran_twice_is_condemned_even_if_its_client_was_told_nothing() {
    let mut journal = JOURNAL.to_vec();
    journal.push("9f,b-1-1,12,Balcony,3");
    let mut answers = right_answers();
    answers[1] = failed(12, Execution::Unknown);
    assert_eq!(judged(&lines(&journal), &answers).faults, [Fault::OrderTwice { order: 12, lines: [2, 6] }]);
}

#[test]
fn a_seat_sold_twice_is_condemned() {
    let mut journal = JOURNAL.to_vec();
    journal[4] = "9f,b-0-2,15,Balcony,1";
    let mut answers = right_answers();
    answers[4] = sold(15, "Balcony", 1);
    let faults = judged(&lines(&journal), &answers).faults;
    assert_eq!(faults, [Fault::SeatTwice { section: "Balcony".into(), seat: 1, lines: [2, 5] }]);
}

#[test]
fn a_request_executed_for_two_orders_is_condemned_but_another_incarnation_may_use_its_number() {
    let faults = faults_of(|journal| journal[4] = "9f,a-1-1,15,Balcony,2");
    let request = "a-1-1 of incarnation 9f".into();
    assert_eq!(faults, [Fault::RequestTwice { request, lines: [2, 5] }]);
    assert_eq!(faults_of(|journal| journal[4] = "a0,a-1-1,15,Balcony,2"), []);
}

#[test]
fn an_acknowledged_ticket_that_is_absent_is_condemned() {
    let faults = faults_of(|journal| {
        journal.remove(4);
    });
    assert_eq!(faults, [Fault::Absent { order: 15, told: "Balcony 2".into() }]);
}

#[test]
fn an_empty_journal_is_condemned_for_every_answer() {
    assert_eq!(judged(b"", &right_answers()).faults.len(), 5);
}

#[test]
fn an_acknowledged_refusal_that_is_absent_is_condemned() {
    let faults = faults_of(|journal| {
        journal.remove(3);
    });
    assert_eq!(faults, [Fault::Absent { order: 14, told: "sold out".into() }]);
}

#[test]
fn a_ticket_for_another_seat_or_section_than_the_journals_is_condemned() {
    let different = |told: &str| [Fault::Different { order: 15, line: 5, told: told.into() }];
    assert_eq!(faults_told(|told| told[4] = sold(15, "Balcony", 3)), different("Balcony 3"));
    assert_eq!(faults_told(|told| told[4] = sold(15, "Parquet", 2)), different("Parquet 2"));
    assert_eq!(faults_told(|told| told[4] = answered(15, Outcome::SoldOut)), different("sold out"));
}

#[test]
fn a_ticket_for_an_order_that_was_refused_is_condemned() {
    let faults = faults_told(|told| told[3] = sold(14, "Parquet", 1));
    assert_eq!(faults, [Fault::Different { order: 14, line: 4, told: "Parquet 1".into() }]);
}

#[test]
fn an_order_told_not_executed_that_was_executed_is_condemned() {
    let faults = faults_told(|told| told[3] = failed(14, Execution::NotExecuted));
    assert_eq!(faults, [Fault::ExecutedAfterAll { order: 14, line: 4 }]);
}

#[test]
fn an_order_told_not_executed_that_was_not_is_acquitted() {
    let mut answers = right_answers();
    answers[4] = failed(15, Execution::NotExecuted);
    assert_eq!(judged(&lines(&JOURNAL[..4]), &answers).faults, []);
}

#[test]
fn an_unknown_outcome_may_be_in_the_journal_or_not() {
    let mut answers = right_answers();
    answers[4] = failed(15, Execution::Unknown);
    assert_eq!(judged(&lines(&JOURNAL), &answers).faults, []);
    assert_eq!(judged(&lines(&JOURNAL[..4]), &answers).faults, []);
}

#[test]
fn an_order_told_executed_must_be_in_the_journal() {
    let mut answers = right_answers();
    answers[4] = failed(15, Execution::Executed);
    assert_eq!(judged(&lines(&JOURNAL), &answers).faults, []);
    let absent = Fault::Absent { order: 15, told: "executed".into() };
    assert_eq!(judged(&lines(&JOURNAL[..4]), &answers).faults, [absent]);
}

#[test]
fn an_order_that_nobody_gave_is_condemned() {
    let faults = faults_of(|journal| journal.push("9f,c-0-1,99,Balcony,3"));
    assert_eq!(faults, [Fault::NeverAsked { order: 99, line: 6 }]);
}

#[test]
fn an_order_served_in_another_section_is_condemned_even_if_the_client_was_told_the_same() {
    let mut journal = JOURNAL.to_vec();
    journal[3] = "9f,a-0-2,14,Balcony,3";
    let mut answers = right_answers();
    answers[3] = sold(14, "Balcony", 3);
    let faults = judged(&lines(&journal), &answers).faults;
    assert_eq!(faults, [Fault::WrongSection { order: 14, line: 4, asked: "Parquet".into() }]);
}

#[test]
fn a_seat_that_the_hall_does_not_have_is_condemned() {
    for seat in [0, 4] {
        let line = format!("9f,b-0-2,15,Balcony,{seat}");
        let mut journal = JOURNAL.to_vec();
        journal[4] = &line;
        let mut answers = right_answers();
        answers[4] = sold(15, "Balcony", seat);
        let faults = judged(&lines(&journal), &answers).faults;
        assert_eq!(faults, [Fault::NoSuchSeat { line: 5, section: "Balcony".into(), seat }]);
    }
}

#[test]
fn a_refusal_while_seats_are_free_is_condemned() {
    let mut journal = JOURNAL.to_vec();
    journal[4] = "9f,b-0-2,15,Balcony,sold out";
    let mut answers = right_answers();
    answers[4] = answered(15, Outcome::SoldOut);
    let faults = judged(&lines(&journal), &answers).faults;
    assert_eq!(faults, [Fault::SoldOutTooEarly { section: "Balcony".into(), sold: 1, seats: 3 }]);
}

#[test]
fn an_order_without_an_answer_or_with_two_is_condemned() {
    assert_eq!(
        faults_told(|told| {
            told.pop();
        }),
        [Fault::Unanswered { order: 15 }]
    );
    assert_eq!(faults_told(|told| told.push(told[0].clone())), [Fault::AnsweredTwice { order: 11 }]);
}

#[test]
fn an_answer_to_an_order_that_nobody_gave_is_condemned() {
    let faults = faults_told(|told| told.push(failed(99, Execution::NotExecuted)));
    assert_eq!(faults, [Fault::AnswerToNobody { order: 99 }]);
}

#[test]
fn a_line_that_is_torn_mixed_up_or_not_text_is_condemned() {
    let why = |line: &[u8]| {
        let mut journal = lines(&JOURNAL);
        journal.extend_from_slice(line);
        match &judged(&journal, &right_answers()).faults[..] {
            [Fault::Unreadable { line: 6, why }] => why.clone(),
            other => panic!("{}: {other:?}", String::from_utf8_lossy(line)),
        }
    };
    assert_eq!(why(b"9f,c-0-1,12,Balcony,3"), "it has no end");
    assert_eq!(why(b"\n"), "1 fields instead of 5");
    assert_eq!(why(b"9f,c-0-1,12,Bal9f,c-0-2,13,Parquet,3\n"), "8 fields instead of 5");
    assert_eq!(why(b"9f,c-0-1,x,Balcony,3\n"), "order `x`: invalid digit found in string");
    assert_eq!(why(b"9f,c-0-1,12,Balcony,-3\n"), "seat `-3`: invalid digit found in string");
    assert_eq!(why(b",c-0-1,12,Balcony,3\n"), "it does not say which request of which incarnation");
    assert!(why(b"9f,c-0-1,12,Balc\xFFny,3\n").contains("utf-8"));
}

#[test]
fn every_fault_is_told_in_words_that_name_the_order_or_the_line() {
    let faults = faults_of(|journal| journal.push("9f,b-0-1,13,Balcony,4"));
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "order 13 was executed twice: journal lines 3 and 6",
            "request b-0-1 of incarnation 9f was executed twice: journal lines 3 and 6",
            "journal line 6: order 13 was for Parquet",
            "journal line 6: the hall has no seat Balcony 4",
            "order 13: the client was told `Parquet 2`, but journal line 6 says otherwise",
        ]
    );
}
