//! The first frame of a connection: is there a peer at all that speaks this protocol?

use super::{Checksum, Header, Kind, MAGIC, split};
use crate::error::ProtocolError;
use crate::limits::{CREDENTIALS_MAX, HEADER_LEN, TEXT_MAX};
use std::fmt::Write;

/// The longest frame that may open a connection. Its bytes 2 and 3 are zero, which no text and no TLS record starts with.
const FIRST_MAX: usize = u16::MAX as usize;
const _: () = assert!(HEADER_LEN + 512 + CREDENTIALS_MAX + TEXT_MAX <= FIRST_MAX, "the longest Hello");

/// How much of a stranger's bytes an error shows.
const SHOWN: usize = 32;

const KIND_AT: usize = 8;

/// As [`split`], for the first frame of a connection, which is a `Hello`, a `Welcome` or a `Reject` and checked whole.
///
/// # Errors
/// [`ProtocolError::NotCarnegie`] as soon as the bytes can be none of these, which may be before a header is there; otherwise
/// those of [`split`].
pub fn split_first(bytes: &[u8]) -> Result<Option<(Header, &[u8])>, ProtocolError> {
    if is_strange(bytes) {
        return Err(ProtocolError::NotCarnegie { first: show(bytes) });
    }
    split(bytes, Checksum::Whole)
}

/// What to report when a connection ends and `bytes` is all that came of its first frame: nothing if nothing came.
pub fn ended_early(bytes: &[u8]) -> Option<ProtocolError> {
    let kind = bytes.get(KIND_AT).copied().and_then(|kind| Kind::from_wire(kind).ok());
    match kind {
        _ if bytes.is_empty() => None,
        Some(kind) if !is_strange(bytes) => Some(ProtocolError::Malformed {
            kind: kind.name(),
            what: format!("the connection ended after {} bytes of it", bytes.len()),
        }),
        _ => Some(ProtocolError::NotCarnegie { first: show(bytes) }),
    }
}

/// Whether these bytes cannot be the start of a `Hello`, a `Welcome` or a `Reject`.
fn is_strange(bytes: &[u8]) -> bool {
    let opens = Kind::Hello.to_wire()..=Kind::Reject.to_wire();
    let length = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    let magic = bytes.get(HEADER_LEN..).unwrap_or_default();
    length.is_some_and(|length| !(HEADER_LEN + MAGIC.len()..=FIRST_MAX).contains(&length))
        || bytes.get(KIND_AT).is_some_and(|kind| !opens.contains(kind))
        || magic.iter().zip(MAGIC).any(|(found, wanted)| *found != wanted)
}

/// The first bytes: as text where all of them are, else in hexadecimal.
fn show(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    if shown.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')) {
        return format!("\"{}\"", shown.escape_ascii());
    }
    let mut text = String::with_capacity(3 * SHOWN);
    for byte in shown {
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{gap}{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Reject;

    fn strange(bytes: &[u8]) -> String {
        split_first(bytes).expect_err("these bytes are of another protocol").to_string()
    }

    #[test]
    fn an_answer_in_http_is_recognised_and_shown() {
        let says = "the peer does not speak Carnegie's protocol: its first bytes are ";
        assert_eq!(strange(b"HTTP"), format!("{says}\"HTTP\""));
        assert_eq!(
            strange(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"),
            format!("{says}\"HTTP/1.1 400 Bad Request\\r\\nConnec\"")
        );
    }

    #[test]
    fn a_tls_alert_shorter_than_a_header_is_recognised() {
        for version in 1..=3 {
            let alert = [0x15, 3, version, 0, 2, 2, 0x28];
            assert!(strange(&alert).ends_with(&format!("15 03 0{version} 00 02 02 28")));
        }
    }

    #[test]
    fn a_plausible_length_is_not_enough() {
        // MySQL greets with a length of three bytes, a counter, and its version.
        assert!(strange(b"\x4a\0\0\0\x0a8.0.36\0").contains("4a 00 00 00 0a 38"));
        let mut frame = Vec::new();
        Reject::default().write(&mut frame);
        frame[24] = b'K';
        assert!(strange(&frame[..25]).contains("does not speak"));
    }

    #[test]
    fn what_may_become_a_first_frame_is_waited_for() {
        let mut frame = Vec::new();
        Reject::default().write(&mut frame);
        for end in 0..frame.len() {
            assert_eq!(split_first(&frame[..end]), Ok(None));
        }
        assert!(matches!(split_first(&frame), Ok(Some(_))));
    }

    #[test]
    fn a_connection_that_ends_too_early_says_what_came() {
        assert_eq!(ended_early(b""), None);
        assert_eq!(ended_early(b"no"), Some(ProtocolError::NotCarnegie { first: "\"no\"".into() }));
        assert_eq!(
            ended_early(b"HTTP/1.0"),
            Some(ProtocolError::NotCarnegie { first: "\"HTTP/1.0\"".into() })
        );
        let mut frame = Vec::new();
        Reject::default().write(&mut frame);
        let error = ended_early(&frame[..30]).expect("a part of a frame");
        assert_eq!(
            error.to_string(),
            "a Reject frame is malformed: the connection ended after 30 bytes of it"
        );
    }
}
