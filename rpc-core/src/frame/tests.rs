//! Tests of the header, and helpers for the tests of all kinds.

use super::*;
use std::fmt::Debug;

/// Splits one whole frame.
pub(super) fn only(bytes: &[u8]) -> (Header, &[u8]) {
    let (header, body) = split(bytes, Checksum::Whole).expect("a legal frame").expect("a whole frame");
    assert_eq!(header.length as usize, bytes.len());
    (header, body)
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// What is written is these bytes, in hexadecimal.
#[track_caller]
pub(super) fn same(write: impl FnOnce(&mut Vec<u8>), hex: &str) {
    let found: String = written(write).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, hex);
}

/// What is written is read back.
#[track_caller]
pub(super) fn round_trip<T: PartialEq + Debug>(
    write: impl FnOnce(&mut Vec<u8>),
    read: impl FnOnce(&Header, &[u8]) -> Result<T, ProtocolError>,
    expected: &T,
) {
    let out = written(write);
    let (header, body) = only(&out);
    assert_eq!(read(&header, body).as_ref(), Ok(expected));
}

/// What is written is malformed; returns what is wrong with it.
#[track_caller]
pub(super) fn malformed<T: Debug>(
    write: impl FnOnce(&mut Vec<u8>),
    read: impl FnOnce(&Header, &[u8]) -> Result<T, ProtocolError>,
) -> String {
    let out = written(write);
    let (header, body) = only(&out);
    match read(&header, body) {
        Err(ProtocolError::Malformed { kind, what }) if kind == header.kind.name() => what,
        other => panic!("a malformed {} and not {other:?}", header.kind.name()),
    }
}

fn framed(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let start = begin(&mut out, Kind::Request, Flags(flags), 1, 2, SlotId { slot: 3, sequence: 4 });
    out[8] = kind;
    out.extend_from_slice(body);
    seal(&mut out, start, Checksum::Whole);
    out
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

#[test]
fn an_impossible_length_is_refused_as_soon_as_it_is_there() {
    for length in [0, HEADER_LEN - 1, FRAME_MAX + 1, u32::MAX as usize] {
        let bytes = (length as u32).to_le_bytes();
        assert_eq!(split(&bytes[..3], Checksum::Whole), Ok(None));
        let error = ProtocolError::FrameLength { length: length as u32, least: HEADER_LEN, most: FRAME_MAX };
        assert_eq!(split(&bytes, Checksum::Whole), Err(error));
    }
}

#[test]
fn kinds_that_are_reserved_or_unknown_are_refused() {
    for kind in [0, 15, 16, 255] {
        let error = ProtocolError::UnknownKind { kind };
        assert_eq!(split(&framed(kind, 0, b""), Checksum::Whole), Err(error));
    }
}

#[test]
fn every_flag_is_refused_where_it_does_not_belong() {
    for kind in Kind::ALL {
        for bit in 0..8 {
            let flags = Flags(1 << bit);
            let found = split(&framed(kind.to_wire(), flags.0, b""), Checksum::Whole).is_ok();
            assert_eq!(found, kind.flags().contains(flags), "{kind:?} with {flags:?}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_reported_with_both_numbers() {
    let mut frame = framed(Kind::Reply.to_wire(), 0, b"body");
    frame[25] ^= 1;
    let Err(ProtocolError::Checksum { kind: "Reply", found, computed }) = split(&frame, Checksum::Whole)
    else {
        panic!("the frame was changed");
    };
    assert_ne!(found, computed);
}

#[test]
fn a_checksum_of_the_header_leaves_out_payloads_and_nothing_else() {
    for kind in Kind::ALL {
        let mut frame = Vec::new();
        let start = begin(&mut frame, *kind, Flags::NONE, 0, 0, SlotId::default());
        frame.extend_from_slice(b"body");
        seal(&mut frame, start, Checksum::HeaderOnly);
        assert!(split(&frame, Checksum::HeaderOnly).is_ok());
        frame[25] ^= 1;
        let is_payload = matches!(kind, Kind::Request | Kind::Reply | Kind::Chunk);
        assert_eq!(split(&frame, Checksum::HeaderOnly).is_ok(), is_payload, "{kind:?}");
        frame[12] ^= 1;
        assert!(split(&frame, Checksum::HeaderOnly).is_err());
    }
}
