//! Tests of the header, and helpers for the tests of all kinds.

use super::*;

/// Splits one whole frame.
fn only(bytes: &[u8]) -> (Header, &[u8]) {
    let (header, body) = split(bytes, Checksum::Whole).expect("a legal frame").expect("a whole frame");
    assert_eq!(header.length as usize, bytes.len());
    (header, body)
}

#[test]
fn a_frame_that_was_sealed_splits_into_what_was_written() {
    let id = SlotId { slot: 3, sequence: 4 };
    let mut out = b"before".to_vec();
    let start = begin(&mut out, Kind::Request, Flags::RESENT, 1, 2, id);
    out.extend_from_slice(b"body");
    seal(&mut out, start, Checksum::Whole);
    let (header, body) = only(&out[start..]);
    let expected =
        Header { length: 28, kind: Kind::Request, flags: Flags::RESENT, method: 1, deadline: 2, id };
    assert_eq!((header, body), (expected, b"body".as_slice()));
}
