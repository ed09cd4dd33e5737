//! Frames of every kind: any bytes are read, waited for or refused, and what was read is written as the same bytes.

use crate::Target;
use crate::frames;
use crate::input::Input;
use crate::support::any::Any;
use rpc_core::ProtocolError;
use rpc_core::frame::*;
use rpc_core::limits::{CHUNK_LEN, FRAME_MAX, HEADER_LEN};

/// Frames.
pub const TARGET: Target = Target { name: "frame", run, memory: |length| (16 << 20) + 64 * length };

fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let how = input.byte();
    let checksum = if how & 1 == 1 { Checksum::HeaderOnly } else { Checksum::Whole };
    match how >> 1 & 3 {
        0 => stream(input.rest(), checksum),
        1 => {
            let mut stream_ = Vec::new();
            while !input.is_empty() && stream_.len() < 2 * FRAME_MAX {
                stream_.extend(frames::sealed(&mut input, checksum));
            }
            stream(&stream_, checksum);
        }
        2 => {
            let mut frame = Vec::new();
            frames::legal(&mut input).write(&mut frame, checksum);
            frames::change(&mut input, &mut frame, checksum);
            stream(&frame, checksum);
        }
        _ => legal_ones(&mut input, checksum),
    }
}

/// What was made of decisions comes back, however it is cut.
fn legal_ones(input: &mut Input<'_>, checksum: Checksum) {
    let (mut bytes, mut made) = (Vec::new(), Vec::new());
    let piece = 1 + usize::from(input.u16());
    while !input.is_empty() && made.len() < 8 {
        let frame = frames::legal(input);
        let start = bytes.len();
        frame.write(&mut bytes, checksum);
        assert!(bytes.len() - start <= FRAME_MAX, "a longer frame than anybody takes");
        made.push(frame);
    }
    let (mut at, mut here, mut read) = (0, Vec::new(), Vec::new());
    while at < bytes.len() {
        let end = bytes.len().min(at + piece);
        here.extend_from_slice(&bytes[at..end]);
        at = end;
        while let Some((header, body)) = split(&here, checksum).expect("a legal frame") {
            read.push(Any::read(&header, body).expect("a legal frame"));
            here.drain(..header.length as usize);
        }
    }
    assert!(here.is_empty() && read == made, "{made:?} came back as {read:?}");
    stream(&bytes, checksum);
}

/// Frame after frame, until there is none or one is refused.
fn stream(mut bytes: &[u8], checksum: Checksum) {
    first(bytes);
    while let Ok(Some((header, body))) = split(bytes, checksum) {
        let length = header.length as usize;
        assert_eq!(length, HEADER_LEN + body.len());
        assert!((HEADER_LEN..=FRAME_MAX).contains(&length));
        let (frame, rest) = bytes.split_at(length);
        for end in [0, 3, 4, HEADER_LEN - 1, HEADER_LEN, length - 1] {
            let short = split(&frame[..end.min(length - 1)], checksum);
            assert_eq!(short, Ok(None), "a part of a frame is waited for");
        }
        match Any::read(&header, body) {
            Ok(read) => again(&read, frame, checksum),
            Err(error) => named(&error),
        }
        bytes = rest;
    }
}

/// Written again, it is the same.
fn again(read: &Any, frame: &[u8], checksum: Checksum) {
    match read {
        Any::Request(message) => claims(message.total, &message.payload),
        Any::Reply(answer, _, message) => {
            claims(message.total, &message.payload);
            match answer {
                Answer::Failed => failure(&message.payload),
                Answer::Refused => refusal(&message.payload),
                _ => {}
            }
        }
        _ => {}
    }
    let mut written = Vec::new();
    read.write(&mut written, checksum);
    // A structure without types says nothing, and many types go ahead in frames of their own.
    if matches!(read, Any::Bound(_)) {
        return settles(&written, checksum);
    }
    assert!(written == frame, "{read:?} is written in another way than it was read");
}

/// What was written of an answer to a binding is read and written as the same.
fn settles(mut frames: &[u8], checksum: Checksum) {
    while let Some((header, body)) = split(frames, checksum).expect("it was written here") {
        let read = Any::read(&header, body).expect("it was written here");
        let mut written = Vec::new();
        read.write(&mut written, checksum);
        let (frame, rest) = frames.split_at(header.length as usize);
        assert!(frame.len() > CHUNK_LEN / 4 || written == frame, "{read:?} changes again");
        frames = rest;
    }
}

fn claims(total: Option<u32>, payload: &[u8]) {
    assert!(payload.len() <= CHUNK_LEN);
    assert!(total.is_none_or(|total| total as usize > payload.len()), "more is here than in all");
}

fn failure(payload: &[u8]) {
    let Ok(failure) = Failure::read(payload) else { return };
    let mut written = Vec::new();
    failure.write(&mut written);
    let again = Failure::read(&written).expect("it was written here");
    // Long hops are cut.
    assert!(again == failure || written.len() < payload.len(), "{failure:?} became {again:?}");
}

fn refusal(payload: &[u8]) {
    let Ok(refusal) = Refusal::read(payload) else { return };
    let mut written = Vec::new();
    refusal.write(&mut written);
    assert_eq!(Refusal::read(&written), Ok(refusal));
}

/// The same bytes as the first ones of a connection.
fn first(bytes: &[u8]) {
    match split_first(bytes) {
        Ok(Some((header, body))) => {
            assert_eq!(split(bytes, Checksum::Whole), Ok(Some((header, body))));
            assert!(matches!(header.kind, Kind::Hello | Kind::Welcome | Kind::Reject | Kind::Close));
            if header.kind == Kind::Hello
                && let Ok(hello) = Hello::read(&header, body)
            {
                assert_eq!(Hello::versions(&header, body), Ok((hello.protocol_min, hello.protocol_max)));
                assert_eq!(hello.encoded_len(), header.length as usize);
            }
        }
        Ok(None) => assert!(bytes.len() < HEADER_LEN || split(bytes, Checksum::Whole) == Ok(None)),
        Err(error) => {
            named(&error);
            // Whatever follows, it does not become right.
            let more = [bytes, &[0; 64]].concat();
            assert!(split_first(&more).is_err(), "{error}");
        }
    }
    if let Some(error) = ended_early(bytes) {
        named(&error);
    }
    assert!(first_bytes(bytes).len() <= 200);
}

/// An error says something, and not everything.
fn named(error: &ProtocolError) {
    let text = error.to_string();
    assert!(
        !text.is_empty() && text.len() <= 2 * rpc_core::limits::TEXT_MAX,
        "{} bytes of error",
        text.len()
    );
}
