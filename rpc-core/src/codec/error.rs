//! Why a value cannot be encoded, or bytes cannot be decoded.

use crate::limits::TEXT_MAX;
use std::fmt::{self, Write};

/// The bytes are no value of the type that was asked for. The words are the codec's or the type's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(Box<str>);

/// The value cannot be sent. The words are the codec's or the type's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unencodable(Box<str>);

impl Malformed {
    /// An error in these words. They are cut after 4 KiB.
    #[cold]
    pub fn new(why: impl fmt::Display) -> Self {
        Malformed(cut(&why))
    }
}

impl Unencodable {
    /// An error in these words. They are cut after 4 KiB.
    #[cold]
    pub fn new(why: impl fmt::Display) -> Self {
        Unencodable(cut(&why))
    }
}

impl serde::de::Error for Malformed {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Malformed::new(why)
    }
}

impl serde::ser::Error for Unencodable {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Unencodable::new(why)
    }
}

/// serde's errors quote the value they refuse, and a hostile value may be as long as a message.
fn cut(why: &dyn fmt::Display) -> Box<str> {
    let mut text = Cut(String::new());
    // The only error is that of `Cut` itself: the text is long enough.
    let _ = write!(text, "{why}");
    text.0.into_boxed_str()
}

struct Cut(String);

impl fmt::Write for Cut {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = TEXT_MAX - self.0.len();
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| part.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(part.get(..end).unwrap_or_default());
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "ü".repeat(TEXT_MAX);
        let error = Malformed::new(format_args!("x{long}"));
        assert_eq!(error.to_string().len(), TEXT_MAX - 1);
        assert_eq!(Unencodable::new("short").to_string(), "short");
    }
}
