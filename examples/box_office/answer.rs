//! What a client learned about one order, as a line of text from its process to the one that judges.

use std::fmt;
use std::str::FromStr;

/// The answer to one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) order: u64,
    /// From the call's start to its end, in microseconds.
    pub(crate) micros: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A ticket came back.
    Sold { section: String, seat: u32 },
    /// The office answered that the section is sold out.
    SoldOut,
    /// The call failed.
    Failed { execution: Execution, kind: String, message: String },
}

/// Whether the office ran the call, as the client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Execution {
    NotExecuted,
    Executed,
    Unknown,
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},", self.order, self.micros)?;
        match &self.outcome {
            Outcome::Sold { section, seat } => write!(f, "sold,{section},{seat}"),
            Outcome::SoldOut => write!(f, "sold out"),
            Outcome::Failed { execution, kind, message } => {
                write!(f, "failed,{execution},{kind},{}", message.escape_debug())
            }
        }
    }
}

impl FromStr for Answer {
    type Err = String;

    fn from_str(line: &str) -> Result<Answer, String> {
        let fields: Vec<&str> = line.splitn(6, ',').collect();
        let number = |text: &str| text.parse::<u64>().map_err(|e| format!("`{text}`: {e}"));
        let [order, micros, ref rest @ ..] = fields[..] else {
            return Err(format!("no answer: {line}"));
        };
        let outcome = match *rest {
            ["sold", section, seat] => Outcome::Sold {
                section: section.to_owned(),
                seat: seat.parse().map_err(|e| format!("seat `{seat}`: {e}"))?,
            },
            ["sold out"] => Outcome::SoldOut,
            ["failed", execution, kind, message] => Outcome::Failed {
                execution: execution.parse()?,
                kind: kind.to_owned(),
                message: message.to_owned(),
            },
            _ => return Err(format!("no answer: {line}")),
        };
        Ok(Answer { order: number(order)?, micros: number(micros)?, outcome })
    }
}

impl FromStr for Execution {
    type Err = String;

    fn from_str(text: &str) -> Result<Execution, String> {
        match text {
            "NotExecuted" => Ok(Execution::NotExecuted),
            "Executed" => Ok(Execution::Executed),
            "Unknown" => Ok(Execution::Unknown),
            _ => Err(format!("`{text}` says not whether the call ran")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_survives_its_line() {
        let message = "lost, then found".to_owned();
        for outcome in [
            Outcome::Sold { section: "First Tier".into(), seat: 7 },
            Outcome::SoldOut,
            Outcome::Failed { execution: Execution::Unknown, kind: "Unavailable".into(), message },
        ] {
            let answer = Answer { order: 4711, micros: 83, outcome };
            assert_eq!(answer.to_string().parse(), Ok(answer));
        }
    }

    #[test]
    fn a_message_of_several_lines_stays_on_one() {
        let outcome = Outcome::Failed {
            execution: Execution::Executed,
            kind: "Internal".into(),
            message: "a\nb".into(),
        };
        assert_eq!(Answer { order: 1, micros: 2, outcome }.to_string(), "1,2,failed,Executed,Internal,a\\nb");
    }

    #[test]
    fn half_a_line_is_no_answer() {
        for line in [
            "",
            "17",
            "17,5",
            "17,5,sold",
            "17,5,sold,Parquet",
            "17,5,sold,Parquet,x",
            "17,5,failed,Maybe,a,b",
        ] {
            assert!(line.parse::<Answer>().is_err(), "{line}");
        }
    }
}
