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

/// As [`split`], for the first frame of a connection, which is a `Hello`, a `Welcome`, a `Reject` or a `Close` and checked
/// whole.
///
/// # Errors
/// [`ProtocolError::NotCarnegie`] as soon as the bytes can be none of these, which may be before a header is there; otherwise
/// those of [`split`].
pub fn split_first(bytes: &[u8]) -> Result<Option<(Header, &[u8])>, ProtocolError> {
    if is_strange(bytes) {
        return Err(not_carnegie(bytes));
    }
    // A `Close` has no magic number: only its checksum tells it from a stranger's bytes.
    split(bytes, Checksum::Whole).map_err(|error| if is_close(bytes) { not_carnegie(bytes) } else { error })
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
        _ => Some(not_carnegie(bytes)),
    }
}

/// Whether these bytes cannot be the start of a `Hello`, a `Welcome`, a `Reject` or a `Close`.
fn is_strange(bytes: &[u8]) -> bool {
    let opens = Kind::Hello.to_wire()..=Kind::Reject.to_wire();
    let close = is_close(bytes);
    // Until the kind is there, it may become a `Close`.
    let short = close || bytes.len() <= KIND_AT;
    let least = if short { HEADER_LEN } else { HEADER_LEN + MAGIC.len() };
    let length = bytes.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    let magic = bytes.get(HEADER_LEN..).filter(|_| !close).unwrap_or_default();
    length.is_some_and(|length| !(least..=FIRST_MAX).contains(&length))
        || bytes.get(KIND_AT).is_some_and(|kind| !(close || opens.contains(kind)))
        || magic.iter().zip(MAGIC).any(|(found, wanted)| *found != wanted)
}

/// A server says `Close` instead of `Welcome` when it goes, or when the client took too long.
fn is_close(bytes: &[u8]) -> bool {
    bytes.get(KIND_AT) == Some(&Kind::Close.to_wire())
}

fn not_carnegie(bytes: &[u8]) -> ProtocolError {
    ProtocolError::NotCarnegie { speaks: language(bytes), first: first_bytes(bytes) }
}

/// What these bytes are the start of, where that can be told. Four bytes must do: more may never come.
fn language(bytes: &[u8]) -> Option<&'static str> {
    const HTTP: [&[u8]; 10] =
        [b"HTTP", b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"CONN", b"OPTI", b"PATC", b"TRAC"];
    match bytes {
        // The preface of a client, the SETTINGS of a server.
        [b'P', b'R', b'I', b' ', ..] | [0, 0, _, 4, ..] => Some("HTTP/2"),
        // A record: alert or handshake, of SSL 3.0 to TLS 1.3.
        [0x15 | 0x16, 3, 0..=4, ..] => Some("TLS"),
        [b'S', b'S', b'H', b'-', ..] => Some("SSH"),
        [a, b, c, d, ..] if HTTP.contains(&&[*a, *b, *c, *d][..]) => Some("HTTP"),
        _ => None,
    }
}

/// The first bytes for an error: as text where all of them are, else in hexadecimal.
pub fn first_bytes(bytes: &[u8]) -> String {
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
    use crate::frame::{Close, CloseCode, Reject};

    fn strange(bytes: &[u8]) -> String {
        split_first(bytes).expect_err("these bytes are of another protocol").to_string()
    }

    #[test]
    fn an_answer_in_http_is_recognised_and_shown() {
        let says = "the peer speaks HTTP, not Carnegie's protocol: its first bytes are ";
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
            let says = "the peer speaks TLS, not Carnegie's protocol: its first bytes are ";
            assert_eq!(strange(&alert), format!("{says}15 03 0{version} 00 02 02 28"));
        }
    }

    #[test]
    fn common_strangers_are_named() {
        for (bytes, speaks) in [
            (&b"GET / HTTP/1.1\r\n"[..], "speaks HTTP,"),
            (b"PRI * HTTP/2.0\r\n", "speaks HTTP/2,"),
            (b"\0\0\x12\x04\0\0\0\0\0", "speaks HTTP/2,"),
            (b"\x16\x03\x01\x02\x00\x01", "speaks TLS,"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "speaks SSH,"),
            (b"220 mail.example ESMTP\r\n", "does not speak Carnegie's protocol"),
        ] {
            assert!(strange(bytes).contains(speaks), "{}", strange(bytes));
        }
    }

    #[test]
    fn a_close_may_come_first_but_only_with_its_checksum() {
        let mut frame = Vec::new();
        let close = Close { code: CloseCode::GoingAway, reason: "going".to_owned() };
        close.write(&mut frame);
        for end in 0..frame.len() {
            assert_eq!(split_first(&frame[..end]), Ok(None));
        }
        let (header, body) = split_first(&frame).expect("it is legal").expect("it is whole");
        assert_eq!(Close::read(&header, body), Ok(close));
        frame[4] ^= 1;
        assert!(strange(&frame).contains("does not speak"));
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
        assert_eq!(
            ended_early(b"no"),
            Some(ProtocolError::NotCarnegie { speaks: None, first: "\"no\"".into() })
        );
        assert_eq!(
            ended_early(b"HTTP/1.0"),
            Some(ProtocolError::NotCarnegie { speaks: Some("HTTP"), first: "\"HTTP/1.0\"".into() })
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
