//! What happened to a call that was attempted more than once.

use super::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Attempts that an error's text lists: of many the first and the last ones.
const LISTED: usize = 8;

/// Attempts that are kept: of many the first and the last ones. As many as a call may be given by
/// [`Retry::attempts`](crate::client::Retry::attempts); connections that are lost again and again may add to them.
const KEPT: usize = 20;

/// One attempt of a call, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The server that it was sent to, or that could not be reached: `10.0.0.7:7000`.
    pub address: Arc<str>,
    /// What came of it: `refused: overloaded`.
    pub what: String,
    /// From the start of the call to this end.
    pub after: Duration,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (after {:.1?})", self.address, self.what, self.after)
    }
}

/// The attempts of a call, in order. Empty, which costs nothing, for a call that was attempted once.
#[derive(Clone, Default, PartialEq)]
pub struct Attempts(Option<Arc<Kept>>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Kept {
    all: Vec<Attempt>,
    /// How many were left out in the middle.
    left_out: usize,
}

impl Attempts {
    /// Adds an attempt that has ended. Behind the 20th, one in the middle goes.
    pub fn push(&mut self, attempt: Attempt) {
        let kept = Arc::make_mut(self.0.get_or_insert_default());
        if kept.all.len() == KEPT {
            kept.all.remove(KEPT / 2);
            kept.left_out += 1;
        }
        kept.all.push(attempt);
    }

    /// Those that are kept: the first 20; of more the first and the last ones, half and half.
    pub fn as_slice(&self) -> &[Attempt] {
        self.0.as_ref().map_or(&[], |kept| &kept.all)
    }

    /// How many there were in all.
    pub fn total(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.all.len() + kept.left_out)
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// `; attempts: a: refused: overloaded (after 1.0ms), b: ..`, or nothing.
impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.as_slice();
        let (first, last) = match all.len() > LISTED {
            true => (&all[..LISTED / 2], &all[all.len() - LISTED / 2..]),
            false => (all, &[][..]),
        };
        let mut before = "; attempts: ";
        for attempt in first {
            write!(f, "{before}{attempt}")?;
            before = ", ";
        }
        if !last.is_empty() {
            write!(f, ", ({} more)", self.total() - LISTED)?;
        }
        last.iter().try_for_each(|attempt| write!(f, ", {attempt}"))
    }
}

/// The field of an error that has it, lent as the error is.
macro_rules! attempts_of {
    ($error:expr) => {
        match $error {
            Error::DeadlineExceeded { attempts, .. }
            | Error::ConnectionLost { attempts, .. }
            | Error::Unavailable { attempts, .. }
            | Error::Refused { attempts, .. }
            | Error::UnknownVariant { attempts, .. }
            | Error::TooLarge { attempts, .. }
            | Error::Undecodable { attempts, .. }
            | Error::Internal { attempts, .. }
            | Error::Nested { attempts, .. }
            | Error::ReplyLost { attempts, .. }
            | Error::InDoubt { attempts, .. } => Some(attempts),
            Error::Unimplemented { .. }
            | Error::SignatureMismatch { .. }
            | Error::Unencodable { .. }
            | Error::NotSent { .. } => None,
        }
    };
}

impl Error {
    /// What happened each time, if the call was attempted more than once; else empty. Of more than 20 attempts the first and
    /// the last ten: [`Attempts::total`] in the error's field says how many there were.
    pub fn attempts(&self) -> &[Attempt] {
        attempts_of!(self).map_or(&[], |all| all.as_slice())
    }

    /// The same error, which lists these attempts. One alone is not listed: the error itself says what came of it. Without
    /// effect on an error that no call can end with which was attempted before.
    #[must_use]
    pub fn with_attempts(mut self, all: Attempts) -> Self {
        if let Some(attempts) = attempts_of!(&mut self) {
            *attempts = if all.total() > 1 { all } else { Attempts::default() };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(number: u64) -> Attempts {
        let mut all = Attempts::default();
        for n in 1..=number {
            let (address, what) = (format!("hall:{n}").into(), "refused: overloaded".to_owned());
            all.push(Attempt { address, what, after: Duration::from_millis(n) });
        }
        all
    }

    fn refused() -> Error {
        Error::InDoubt {
            method: "Hall.sell",
            address: "hall:2".into(),
            request_id: None,
            attempts: Attempts::default(),
        }
    }

    #[test]
    fn an_error_after_two_attempts_ends_with_what_came_of_each() {
        let error = refused().with_attempts(attempts(2));
        assert_eq!(
            error.to_string(),
            "Hall.sell: hall:2 cannot tell whether the call was executed; attempts: hall:1: refused: overloaded (after \
             1.0ms), hall:2: refused: overloaded (after 2.0ms)"
        );
        assert_eq!(error.attempts().len(), 2);
    }

    #[test]
    fn a_single_attempt_is_not_listed() {
        let error = refused().with_attempts(attempts(1));
        assert_eq!(error, refused());
        assert!(error.attempts().is_empty());
    }

    #[test]
    fn eight_attempts_are_listed_whole_and_of_nine_one_is_left_out() {
        let text = attempts(8).to_string();
        assert!(text.contains("hall:4") && text.contains("hall:5") && !text.contains("more"), "{text}");
        let text = attempts(9).to_string();
        assert!(text.contains("(after 4.0ms), (1 more), hall:6: "), "{text}");
    }

    #[test]
    fn of_endless_attempts_the_first_and_the_last_are_kept() {
        let all = attempts(100);
        let kept: Vec<&str> = all.as_slice().iter().map(|attempt| &*attempt.address).collect();
        assert_eq!((all.total(), kept.len()), (100, KEPT));
        assert_eq!((kept[0], kept[9], kept[10], kept[19]), ("hall:1", "hall:10", "hall:91", "hall:100"));
        assert!(all.to_string().contains("(92 more)"), "{all}");
    }

    #[test]
    fn a_list_costs_an_error_the_size_of_a_pointer() {
        assert_eq!(size_of::<Attempts>(), size_of::<usize>());
        assert!(size_of::<Error>() <= 120, "{}", size_of::<Error>());
    }
}
