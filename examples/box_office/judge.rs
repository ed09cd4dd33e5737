//! Was every order served at most once? Decided from the journal that the office wrote, the orders that were given
//! out and the answers that came back. Nothing here knows of the framework, so nothing can excuse it.

use super::answer::{Answer, Execution, Outcome};
use std::collections::BTreeMap;
use std::fmt;

/// What is judged.
pub(crate) struct Case<'a> {
    /// The sections with their seats, numbered from 1.
    pub(crate) hall: &'a [(&'a str, u32)],
    /// The orders that were given to the clients, with their section.
    pub(crate) asked: &'a BTreeMap<u64, &'a str>,
    /// `incarnation,request id,order,section,seat` a line, `sold out` for a seat where there was none left.
    pub(crate) journal: &'a [u8],
    /// What the clients were told.
    pub(crate) answers: &'a [Answer],
}

/// The judgement. The promise was kept if there are no faults.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) faults: Vec<Fault>,
    /// How often the handler ran, by the journal.
    pub(crate) executions: usize,
    /// Seats sold by section, by the journal.
    pub(crate) sold: BTreeMap<String, u32>,
    /// Orders sent away by section, by the journal.
    pub(crate) sold_out: BTreeMap<String, u32>,
}

/// What the journal says, or does not say, and should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unreadable { line: usize, why: String },
    OrderTwice { order: u64, lines: [usize; 2] },
    SeatTwice { section: String, seat: u32, lines: [usize; 2] },
    RequestTwice { request: String, lines: [usize; 2] },
    NeverAsked { order: u64, line: usize },
    WrongSection { order: u64, line: usize, asked: String },
    NoSuchSeat { line: usize, section: String, seat: u32 },
    SoldOutTooEarly { section: String, sold: u32, seats: u32 },
    AnsweredTwice { order: u64 },
    Unanswered { order: u64 },
    AnswerToNobody { order: u64 },
    Absent { order: u64, told: String },
    Different { order: u64, line: usize, told: String },
    ExecutedAfterAll { order: u64, line: usize },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unreadable { line, why } => write!(f, "journal line {line} cannot be read: {why}"),
            Fault::OrderTwice { order, lines: [a, b] } => {
                write!(f, "order {order} was executed twice: journal lines {a} and {b}")
            }
            Fault::SeatTwice { section, seat, lines: [a, b] } => {
                write!(f, "{section} {seat} was sold twice: journal lines {a} and {b}")
            }
            Fault::RequestTwice { request, lines: [a, b] } => {
                write!(f, "request {request} was executed twice: journal lines {a} and {b}")
            }
            Fault::NeverAsked { order, line } => write!(f, "journal line {line}: nobody gave order {order}"),
            Fault::WrongSection { order, line, asked } => {
                write!(f, "journal line {line}: order {order} was for {asked}")
            }
            Fault::NoSuchSeat { line, section, seat } => {
                write!(f, "journal line {line}: the hall has no seat {section} {seat}")
            }
            Fault::SoldOutTooEarly { section, sold, seats } => {
                write!(f, "orders were refused, but only {sold} of {seats} seats in {section} were sold")
            }
            Fault::AnsweredTwice { order } => write!(f, "order {order} was answered twice"),
            Fault::Unanswered { order } => write!(f, "order {order} was never answered"),
            Fault::AnswerToNobody { order } => {
                write!(f, "an answer came to order {order}, which nobody gave")
            }
            Fault::Absent { order, told } => {
                write!(f, "order {order}: the client was told `{told}`, but the journal does not know of it")
            }
            Fault::Different { order, line, told } => {
                write!(
                    f,
                    "order {order}: the client was told `{told}`, but journal line {line} says otherwise"
                )
            }
            Fault::ExecutedAfterAll { order, line } => {
                write!(
                    f,
                    "order {order}: the client was told `not executed`, but it was: journal line {line}"
                )
            }
        }
    }
}

/// One line of the journal.
struct Entry {
    line: usize,
    request: String,
    order: u64,
    section: String,
    /// `None`: sold out.
    seat: Option<u32>,
}

/// Judges. The faults come in the order of the journal, then in that of the answers.
pub(crate) fn judge(case: &Case<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let entries = read(case.journal, &mut verdict.faults);
    verdict.executions = entries.len();
    nothing_twice(&entries, &mut verdict.faults);
    only_what_was_asked(case, &entries, &mut verdict.faults);
    for entry in &entries {
        let count = if entry.seat.is_some() { &mut verdict.sold } else { &mut verdict.sold_out };
        *count.entry(entry.section.clone()).or_default() += 1;
    }
    refused_only_when_full(case, &mut verdict);
    answers_agree(case, &entries, &mut verdict.faults);
    verdict
}

fn read(journal: &[u8], faults: &mut Vec<Fault>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (line, text) in (1..).zip(journal.split_inclusive(|byte| *byte == b'\n')) {
        match entry(line, text) {
            Ok(entry) => entries.push(entry),
            Err(why) => faults.push(Fault::Unreadable { line, why }),
        }
    }
    entries
}

fn entry(line: usize, text: &[u8]) -> Result<Entry, String> {
    let text = text.strip_suffix(b"\n").ok_or("it has no end")?;
    let text = std::str::from_utf8(text).map_err(|e| e.to_string())?;
    let fields: Vec<&str> = text.split(',').collect();
    let [incarnation, request, order, section, seat] = fields[..] else {
        return Err(format!("{} fields instead of 5", fields.len()));
    };
    if incarnation.is_empty() || request.is_empty() {
        return Err("it does not say which request of which incarnation".into());
    }
    let seat = match seat {
        "sold out" => None,
        seat => Some(seat.parse().map_err(|e| format!("seat `{seat}`: {e}"))?),
    };
    Ok(Entry {
        line,
        request: format!("{request} of incarnation {incarnation}"),
        order: order.parse().map_err(|e| format!("order `{order}`: {e}"))?,
        section: section.to_owned(),
        seat,
    })
}

fn nothing_twice(entries: &[Entry], faults: &mut Vec<Fault>) {
    let (mut orders, mut seats, mut requests) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for Entry { line, request, order, section, seat } in entries {
        if let Some(first) = orders.insert(order, *line) {
            faults.push(Fault::OrderTwice { order: *order, lines: [first, *line] });
        }
        if let Some(first) = requests.insert(request, *line) {
            faults.push(Fault::RequestTwice { request: request.clone(), lines: [first, *line] });
        }
        if let Some(seat) = *seat
            && let Some(first) = seats.insert((section, seat), *line)
        {
            faults.push(Fault::SeatTwice { section: section.clone(), seat, lines: [first, *line] });
        }
    }
}

fn only_what_was_asked(case: &Case<'_>, entries: &[Entry], faults: &mut Vec<Fault>) {
    for &Entry { line, order, ref section, seat, .. } in entries {
        match case.asked.get(&order) {
            None => faults.push(Fault::NeverAsked { order, line }),
            Some(asked) if asked != section => {
                faults.push(Fault::WrongSection { order, line, asked: (*asked).to_owned() });
            }
            Some(_) => {}
        }
        if let Some(seat) = seat
            && !(1..=seats(case, section)).contains(&seat)
        {
            faults.push(Fault::NoSuchSeat { line, section: section.clone(), seat });
        }
    }
}

fn seats(case: &Case<'_>, section: &str) -> u32 {
    case.hall.iter().find(|(name, _)| *name == section).map_or(0, |(_, seats)| *seats)
}

fn refused_only_when_full(case: &Case<'_>, verdict: &mut Verdict) {
    for section in verdict.sold_out.keys() {
        let (sold, seats) = (verdict.sold.get(section).copied().unwrap_or_default(), seats(case, section));
        if sold < seats {
            verdict.faults.push(Fault::SoldOutTooEarly { section: section.clone(), sold, seats });
        }
    }
}

fn answers_agree(case: &Case<'_>, entries: &[Entry], faults: &mut Vec<Fault>) {
    let mut executed: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        executed.entry(entry.order).or_default().push(entry);
    }
    let mut waiting: BTreeMap<u64, bool> = case.asked.keys().map(|order| (*order, true)).collect();
    for answer in case.answers {
        let order = answer.order;
        match waiting.insert(order, false) {
            Some(true) => {}
            Some(false) => faults.push(Fault::AnsweredTwice { order }),
            None => faults.push(Fault::AnswerToNobody { order }),
        }
        let entries = executed.get(&order).map_or(&[][..], Vec::as_slice);
        faults.extend(answer_agrees(answer, entries));
    }
    let unanswered = waiting.into_iter().filter(|(_, waits)| *waits);
    faults.extend(unanswered.map(|(order, _)| Fault::Unanswered { order }));
}

/// One answer against all lines of its order: of several lines each must agree.
fn answer_agrees(answer: &Answer, entries: &[&Entry]) -> Vec<Fault> {
    let order = answer.order;
    let told = match &answer.outcome {
        Outcome::Sold { section, seat } => format!("{section} {seat}"),
        Outcome::SoldOut => "sold out".to_owned(),
        Outcome::Failed { execution: Execution::Executed, .. } => "executed".to_owned(),
        Outcome::Failed { execution: Execution::Unknown, .. } => return Vec::new(),
        Outcome::Failed { execution: Execution::NotExecuted, .. } => {
            return entries.iter().map(|entry| Fault::ExecutedAfterAll { order, line: entry.line }).collect();
        }
    };
    if entries.is_empty() {
        return vec![Fault::Absent { order, told }];
    }
    let agrees = |entry: &Entry| match &answer.outcome {
        Outcome::Sold { section, seat } => entry.section == *section && entry.seat == Some(*seat),
        Outcome::SoldOut => entry.seat.is_none(),
        Outcome::Failed { .. } => true,
    };
    let wrong = entries.iter().filter(|entry| !agrees(entry));
    wrong.map(|entry| Fault::Different { order, line: entry.line, told: told.clone() }).collect()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
