//! The fingerprint is part of the protocol: it may not change with the compiler, the platform or a refactoring.

use crate::{signature, with};
use rpc_core::codec::{CodecId, Decoder, Encoder};
use rpc_core::schema::{Describe, Schema, Signature, Types};
use std::collections::BTreeMap;

structure! { Ticket as "Ticket" { seat: u32, holder: String } }
choice! { Refused as "Refused" { SoldOut, Sold { to: String }, Both(u8, Ticket) } }

#[test]
fn a_fingerprint_stays_the_same_for_ever() {
    let sell = signature(
        &[("order", u64::describe), ("holder", String::describe)],
        <Result<Ticket, Refused>>::describe,
    );
    assert_eq!(sell.fingerprint(), 0x6200_3a51_ca0f_c46a, "{:#x}", sell.fingerprint());
}

#[test]
fn a_fingerprint_does_not_depend_on_what_else_was_described() {
    let alone = with::<Ticket>();
    let mut types = Types::default();
    let mut method =
        |describe: Describe| (vec![("ticket".to_owned(), describe(&mut types))], <()>::describe(&mut types));
    let methods = vec![method(<Option<Refused>>::describe), method(Ticket::describe)];
    let together = types.signatures(methods);
    assert_eq!(together[1].fingerprint(), alone.fingerprint());
    assert_eq!(together[0].fingerprint(), with::<Option<Refused>>().fingerprint());
}

#[test]
fn fingerprints_are_the_hash_of_the_canonical_form() {
    let empty = signature(&[], <()>::describe);
    let form = [&[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0][..], b"()"].concat();
    assert_eq!(empty.fingerprint(), xxhash_rust::xxh3::xxh3_64(&form));
    let map = signature(&[("m", <BTreeMap<u8, Option<[u8; 3]>>>::describe)], u8::describe);
    let number = |n: u32| n.to_le_bytes();
    let mut form = vec![1];
    form.extend([number(1), number(1)].concat());
    form.extend([&b"m"[..], &number(0), &number(1)].concat()); // argument 0, result 1
    form.extend([&[5][..], &number(1), &number(2)].concat()); // 0: a map of 1 and 2
    form.extend([&[1][..], &number(2), b"u8"].concat()); // 1
    form.extend([&[3][..], &number(3)].concat()); // 2: an option of 3
    form.extend([&[9][..], &number(1), &3u64.to_le_bytes()].concat()); // 3: three times 1
    assert_eq!(map.fingerprint(), xxhash_rust::xxh3::xxh3_64(&form));
}

#[test]
fn names_of_arguments_fields_and_variants_count_and_those_of_types_do_not() {
    structure! { Renamed as "Other" { seat: u32, holder: String } }
    structure! { Field as "Ticket" { seats: u32, holder: String } }
    choice! { Variant as "Refused" { Soldout, Sold { to: String }, Both(u8, Ticket) } }
    assert_eq!(with::<Ticket>().fingerprint(), with::<Renamed>().fingerprint());
    assert_ne!(with::<Ticket>().fingerprint(), with::<Field>().fingerprint());
    assert_ne!(with::<Refused>().fingerprint(), with::<Variant>().fingerprint());
    let argument = |name| signature(&[(name, u8::describe)], <()>::describe).fingerprint();
    assert_ne!(argument("a"), argument("b"));
}

#[test]
fn a_signature_survives_the_wire() {
    let here = signature(&[("order", u64::describe), ("why", Refused::describe)], <Vec<Ticket>>::describe);
    for codec in CodecId::AVAILABLE {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes, *codec).value(&here).unwrap();
        let there: Signature = Decoder::new(&bytes, *codec).value().unwrap();
        assert!(there.is_sound());
        assert_eq!(there, here);
        assert_eq!(there.fingerprint(), here.fingerprint());
        assert_eq!(here.difference(&there, "m"), None);
    }
}
