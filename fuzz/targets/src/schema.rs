//! Structures and lock files from anybody: read or refused, compared within bounds, and what was read is written again.

use crate::Target;
use crate::input::Input;
use rpc_core::codec::{CodecId, Encoder};
use rpc_core::lock::Lock;
use rpc_core::schema::{
    Comparison, DIFFERENCES_MAX, Excerpt, LEAVES, NODES_MAX, Schema, Side, Signature, Types, read_signature,
    read_types,
};
use std::collections::BTreeMap;

/// Structures.
pub const TARGET: Target = Target { name: "schema", run, memory: |length| (64 << 20) + 512 * length };

type Shelf = BTreeMap<String, Vec<Option<(u8, Result<u16, String>)>>>;

fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(4) {
        0 => lock_file(&String::from_utf8_lossy(input.rest())),
        1 => two_lock_files(&String::from_utf8_lossy(input.rest())),
        2 => any_bytes(&mut input),
        _ => graphs(&mut input),
    }
}

fn lock_file(text: &str) {
    match Lock::parse(text) {
        Ok(lock) => {
            let written = lock.to_string();
            let again = Lock::parse(&written).unwrap_or_else(|damaged| panic!("{damaged} in\n{written}"));
            assert_eq!(again.to_string(), written, "it is not the same when it is written again");
            let changes = lock.changes(&again);
            assert!(changes.is_empty(), "{}", texts(&changes));
            for (name, signature) in lock.signatures() {
                assert!(signature.is_sound());
                agrees(&signature, name);
            }
        }
        Err(damaged) => {
            assert!((1..=text.lines().count().max(1) + 1).contains(&damaged.line), "{damaged}");
            let kept = present().with_comments_of_damaged(text).to_string();
            let again = Lock::parse(&kept).unwrap_or_else(|damaged| panic!("{damaged} in\n{kept}"));
            assert_eq!(again.to_string(), kept);
        }
    }
}

/// What is on both sides of a line of equal signs.
fn two_lock_files(text: &str) {
    let (before, now) = text.split_once("===\n").unwrap_or((text, text));
    let (Ok(before), Ok(now)) = (Lock::parse(before), Lock::parse(now)) else { return };
    let changes = before.changes(&now);
    let back = now.changes(&before);
    assert_eq!(changes.is_empty(), back.is_empty(), "{} but {}", texts(&changes), texts(&back));
    let kept = now.with_comments_of(before).to_string();
    assert!(Lock::parse(&kept).is_ok(), "{kept}");
}

fn texts(changes: &rpc_core::lock::Changes) -> String {
    let other = changes.other().map(|other| format!("{other:?}\n")).unwrap_or_default();
    other + &changes.iter().map(|change| format!("{change:?}\n")).collect::<String>()
}

fn present() -> Lock {
    const TEXT: &str = "service Hall 1.0\n\nfn sell(seat: Seat) -> u32\n\nstruct Seat {\n    row: u8,\n}\n";
    Lock::parse(TEXT).expect("it was written by hand")
}

fn honest() -> Signature {
    let mut types = Types::default();
    let (shelf, byte) = (Shelf::describe(&mut types), u8::describe(&mut types));
    types.signature(vec![("n".to_owned(), byte), ("shelf".to_owned(), shelf)], shelf)
}

/// Types and a structure as they may come from a peer.
fn any_bytes(input: &mut Input<'_>) {
    let honest = honest();
    let mut excerpt = Excerpt::default();
    let structure = excerpt.add(&honest).expect("it fits");
    let mut types = excerpt.into_types();
    if input.flag() {
        for _ in 0..=input.below(4) {
            let at = usize::from(input.byte()) % types.len();
            types[at] = input.byte();
        }
    } else {
        let length = usize::from(input.u16());
        types = input.bytes(length).to_vec();
    }
    let Some(types) = read_types(&types) else { return };
    assert!(types.len() <= NODES_MAX);
    for structure in [&structure[..], input.rest()] {
        let Some(read) = read_signature(&types, structure) else { continue };
        assert!(read.is_sound());
        agrees(&read, "m");
        both_ways(&honest, &read);
    }
}

/// Two structures, made of decisions. The second is often the first with a change.
fn graphs(input: &mut Input<'_>) {
    let (count, size) = (1 + input.below(12), usize::from(input.byte()));
    let first = input.bytes(size);
    let mut second = first.to_vec();
    for _ in 0..input.below(4) {
        if !second.is_empty() {
            let at = usize::from(input.byte()) % second.len();
            second[at] = input.byte();
        }
    }
    second.extend(input.rest());
    let (Some(here), Some(there)) = (graph(first, count), graph(&second, count)) else { return };
    agrees(&here, "m");
    agrees(&there, "m");
    both_ways(&here, &there);
    excerpt(&here, &there);
}

/// A structure as it crosses the wire: `count` types, of which most say what is there and some refer to any other.
fn graph(decisions: &[u8], count: u8) -> Option<Signature> {
    let mut input = Input::new(decisions);
    let mut types = Vec::new();
    put(&mut types, &u64::from(count));
    for _ in 0..count {
        node(&mut input, &mut types, count);
    }
    let types = read_types(&types).expect("all of it was written here");
    let mut structure = Vec::new();
    let arguments: Vec<(String, u32)> =
        (0..input.below(3)).map(|_| (name(&mut input), reference(&mut input, count))).collect();
    put(&mut structure, &(arguments, reference(&mut input, count)));
    Some(read_signature(&types, &structure).expect("all of it was written here"))
}

fn put<T: serde::Serialize>(out: &mut Vec<u8>, value: &T) {
    Encoder::new(out, CodecId::Bincode).plain(value).expect("it can be written");
}

fn reference(input: &mut Input<'_>, count: u8) -> u32 {
    u32::from(input.below(count))
}

/// One of few, so that they meet.
fn name(input: &mut Input<'_>) -> String {
    match input.byte() {
        255 => input.text(),
        letter => char::from(b'a' + letter % 5).to_string(),
    }
}

fn node(input: &mut Input<'_>, out: &mut Vec<u8>, count: u8) {
    let kind = u32::from(input.below(10));
    put(out, &kind);
    match kind {
        0 => put(out, &input.pick(LEAVES).to_string()),
        1 => put(out, &name(input)),
        2 | 3 => put(out, &reference(input, count)),
        4 | 9 => put(out, &(reference(input, count), reference(input, count))),
        5 => put(out, &references(input, count)),
        6 => put(out, &(reference(input, count), u64::from(input.byte()))),
        7 => put(out, &(name(input), fields(input, count))),
        _ => {
            put(out, &name(input));
            let variants = input.below(5);
            put(out, &u64::from(variants));
            for _ in 0..variants {
                put(out, &name(input));
                match input.below(3) {
                    0 => put(out, &0_u32),
                    1 => put(out, &(1_u32, references(input, count))),
                    _ => put(out, &(2_u32, fields(input, count))),
                }
            }
        }
    }
}

fn references(input: &mut Input<'_>, count: u8) -> Vec<u32> {
    (0..input.below(4)).map(|_| reference(input, count)).collect()
}

fn fields(input: &mut Input<'_>, count: u8) -> Vec<(String, u32)> {
    (0..input.below(4)).map(|_| (name(input), reference(input, count))).collect()
}

/// A structure does not differ from itself.
fn agrees(signature: &Signature, method: &str) {
    let compared = signature.compare(signature, method);
    assert!(compared.appended.is_empty(), "{compared:?}");
    assert!(compared.differences.is_empty(), "{compared:?}");
}

/// What differs from here differs from there.
fn both_ways(here: &Signature, there: &Signature) {
    let (one, other) = (here.compare(there, "m"), there.compare(here, "m"));
    for compared in [&one, &other] {
        assert!(compared.differences.len() <= DIFFERENCES_MAX);
        assert!(compared.appended.len() <= 2 * DIFFERENCES_MAX);
        let texts = compared.differences.iter().map(ToString::to_string);
        let texts: Vec<String> = texts.chain(compared.appended.iter().map(ToString::to_string)).collect();
        assert!(texts.iter().all(|text| text.len() <= 1 << 16), "{texts:?}");
    }
    assert_eq!(one.differences.is_empty(), other.differences.is_empty(), "{one:?} but {other:?}");
    if one.differences.is_empty() {
        let appended = |compared: &Comparison, side| compared.has_appended(side);
        assert_eq!(appended(&one, Side::Here), appended(&other, Side::There), "{one:?} but {other:?}");
        assert_eq!(appended(&one, Side::There), appended(&other, Side::Here), "{one:?} but {other:?}");
    }
    if here.fingerprint() == there.fingerprint() {
        assert_eq!(one, Comparison::default(), "equal fingerprints");
    }
    assert_eq!(here.difference(there, "m").is_none(), one.differences.is_empty());
}

/// On its way over the wire a structure stays what it is.
fn excerpt(here: &Signature, there: &Signature) {
    for signature in [here, there] {
        let mut excerpt = Excerpt::default();
        let Some(structure) = excerpt.add(signature) else { continue };
        let types = read_types(&excerpt.into_types()).expect("they were written here");
        let read = read_signature(&types, &structure).expect("it was written here");
        assert_eq!(read.fingerprint(), signature.fingerprint());
        assert_eq!(signature.compare(&read, "m"), Comparison::default());
    }
}
