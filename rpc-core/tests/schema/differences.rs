//! Differences are named by their path.

use crate::{compare, differ, same, signature, with};
use rpc_core::schema::{DIFFERENCES_MAX, Schema, Types};
use std::collections::{BTreeMap, HashMap};

structure! { Ticket as "Ticket" { seat: u32, holder: String } }
structure! { Wide as "Ticket" { seat: u64, holder: String } }
structure! { Three as "Three" { x: u8, y: u8, z: u8 } }
structure! { Two as "Two" { x: u8, y: u8 } }
structure! { Swapped as "Two" { y: u8, x: u8 } }
choice! { Abc as "E" { A, B(u8), C { x: u8 } } }
choice! { SignedB as "E" { A, B(i8), C { x: u8 } } }
choice! { WithoutB as "E" { A, C { x: u8 } } }
choice! { WideC as "E" { A, B(u8), C { x: u16 } } }
choice! { PairB as "E" { A, B(u8, u8), C { x: u8 } } }
choice! { UnitB as "E" { A, B, C { x: u8 } } }

#[test]
fn a_changed_field_is_named_by_its_path() {
    let here = signature(&[("who", <Box<str>>::describe), ("ticket", Ticket::describe)], <()>::describe);
    let there = signature(&[("who", String::describe), ("ticket", Wide::describe)], <()>::describe);
    assert_ne!(here.fingerprint(), there.fingerprint());
    let found = here.difference(&there, "sell").unwrap().to_string();
    assert_eq!(found, "sell: argument 2 (ticket).seat: u32 here, u64 there");
    let here = signature(&[], <Result<Vec<Option<Ticket>>, u8>>::describe);
    let there = signature(&[], <Result<Vec<Option<Wide>>, u8>>::describe);
    let found = here.difference(&there, "refund").unwrap().to_string();
    assert_eq!(found, "refund: result[]?.seat: u32 here, u64 there");
}

#[test]
fn arguments_are_counted_and_named() {
    let two = signature(&[("a", u8::describe), ("b", u8::describe)], <()>::describe);
    let one = signature(&[("a", u8::describe)], <()>::describe);
    let found = two.difference(&one, "sell").unwrap().to_string();
    assert_eq!(found, "sell: argument 2 (b): u8 here, nothing there");
    let other = signature(&[("a", u8::describe), ("c", u8::describe)], <()>::describe);
    let found = two.difference(&other, "sell").unwrap().to_string();
    assert_eq!(found, "sell: argument 2: `b` here, `c` there");
}

#[test]
fn added_removed_and_swapped_fields_are_named() {
    differ::<Two, Three>(".z: nothing here, u8 there");
    differ::<Three, Two>(".z: u8 here, nothing there");
    differ::<Two, Swapped>(", order of fields: x before y here, y before x there");
    differ::<HashMap<u8, Two>, BTreeMap<u8, Swapped>>(
        "[value], order of fields: x before y here, y before x there",
    );
    differ::<HashMap<u8, Two>, BTreeMap<u16, Two>>("[key]: u8 here, u16 there");
}

#[test]
fn variants_are_named() {
    differ::<Abc, SignedB>(".B: u8 here, i8 there");
    differ::<Abc, WithoutB>(".B: variant 2 here, nothing there");
    differ::<Abc, WideC>(".C.x: u8 here, u16 there");
    differ::<Abc, PairB>(".B: 1 element here, 2 elements there");
    differ::<Abc, UnitB>(".B: unnamed fields here, no content there");
}

#[test]
fn types_of_different_kinds_are_named_in_full() {
    differ::<Two, Abc>(": struct Two here, enum E there");
    differ::<Vec<Two>, Option<Two>>(": Vec<Two> here, Option<Two> there");
    differ::<BTreeMap<u8, Option<u8>>, (u8, u8)>(": Map<u8, Option<..>> here, a tuple of 2 there");
    differ::<[u8; 4], [u8; 5]>(": 4 elements here, 5 elements there");
    differ::<[u8; 4], Vec<Vec<u8>>>(": [u8; 4] here, Vec<Vec<..>> there");
    differ::<(u8, (u8, u16)), (u8, (u8, u32))>(".1.1: u16 here, u32 there");
}

#[test]
fn all_differences_are_found_in_the_order_of_reading() {
    structure! { Here as "T" { a: u8, b: Vec<Ticket>, c: (u8, u16), d: bool } }
    structure! { There as "T" { a: i8, b: Vec<Wide>, c: (u8, u32), e: bool } }
    let here = signature(&[("t", Here::describe)], u8::describe);
    let there = signature(&[("t", There::describe)], u16::describe);
    let found: Vec<String> = here.differences(&there, "m").iter().map(ToString::to_string).collect();
    let expected = [
        "m: argument 1 (t).a: u8 here, i8 there",
        "m: argument 1 (t).b[].seat: u32 here, u64 there",
        "m: argument 1 (t).c.1: u16 here, u32 there",
        "m: argument 1 (t), field 4: `d` here, `e` there",
        "m: result: u8 here, u16 there",
    ];
    assert_eq!(found, expected);
    assert_eq!(here.difference(&there, "m").unwrap().to_string(), expected[0]);
}

#[test]
fn no_more_differences_are_listed_than_anyone_reads() {
    let many = |describe: rpc_core::schema::Describe| {
        let mut types = Types::default();
        let id = describe(&mut types);
        types.signature((0..100).map(|n| (format!("a{n}"), id)).collect(), id)
    };
    assert_eq!(many(u8::describe).differences(&many(u16::describe), "m").len(), DIFFERENCES_MAX);
    assert_eq!(many(Ticket::describe).differences(&many(Wide::describe), "m").len(), DIFFERENCES_MAX);
    type Wide16 =
        (u8, (u16, (u32, (u64, (i8, (i16, (i32, (i64, (f32, (f64, (u128, (i128, (char, bool)))))))))))));
    type Less16 =
        (bool, (u8, (u16, (u32, (u64, (i8, (i16, (i32, (i64, (f32, (f64, (u128, (i128, char)))))))))))));
    let (a, b) = (
        signature(&[("x", Wide16::describe)], Ticket::describe),
        signature(&[("x", Less16::describe)], Two::describe),
    );
    let found = a.differences(&b, "m");
    assert!(found.len() > 10 && found.len() <= DIFFERENCES_MAX, "{}", found.len());
}

/// All differences, in words.
fn all(here: &rpc_core::schema::Signature, there: &rpc_core::schema::Signature) -> Vec<String> {
    here.differences(there, "m").iter().map(ToString::to_string).collect()
}

#[test]
fn beside_an_argument_that_was_added_all_others_are_compared() {
    let here = signature(&[("a", u8::describe), ("t", Ticket::describe)], u8::describe);
    let arguments = [("new", bool::describe as _), ("a", u16::describe as _), ("t", Wide::describe as _)];
    let there = signature(&arguments, u16::describe);
    let expected = [
        "m: argument 1 (a): u8 here, u16 there",
        "m: argument 1 (new): nothing here, bool there",
        "m: argument 2 (t).seat: u32 here, u64 there",
        "m: result: u8 here, u16 there",
    ];
    assert_eq!(all(&here, &there), expected);
}

#[test]
fn beside_fields_that_were_added_removed_moved_or_renamed_all_others_are_compared() {
    structure! { Old as "T" { gone: u8, a: u8, b: u8, c: u8, name: u8 } }
    structure! { New as "T" { c: u8, b: u16, a: u8, added: bool, title: i8 } }
    let expected = [
        "m: argument 1 (ticket).gone: u8 here, nothing there",
        "m: argument 1 (ticket).b: u8 here, u16 there",
        "m: argument 1 (ticket).added: nothing here, bool there",
        "m: argument 1 (ticket), field 5: `name: u8` here, `title: i8` there",
        "m: argument 1 (ticket), order of fields: a before c here, c before a there",
    ];
    assert_eq!(all(&with::<Old>(), &with::<New>()), expected);
}

#[test]
fn beside_a_variant_that_was_inserted_all_others_are_compared() {
    choice! { Old as "E" { A(u8), B { x: u8 } } }
    choice! { New as "E" { Front, A(u16), B { x: u16, y: u8 } } }
    let expected = [
        "m: argument 1 (ticket).A: u8 here, u16 there",
        "m: argument 1 (ticket).Front: nothing here, variant 1 there",
        "m: argument 1 (ticket).B.x: u8 here, u16 there",
        "m: argument 1 (ticket).B.y: nothing here, u8 there",
    ];
    assert_eq!(all(&with::<Old>(), &with::<New>()), expected);
}

#[test]
fn a_type_that_differs_is_named_in_every_place() {
    structure! { Old as "Pair" { one: Ticket, two: Vec<Ticket>, deep: Option<(u8, Vec<Ticket>)> } }
    structure! { New as "Pair" { one: Wide, two: Vec<Wide>, deep: Option<(u8, Vec<Wide>)> } }
    let here = signature(&[("a", Ticket::describe), ("pair", Old::describe)], Ticket::describe);
    let there = signature(&[("a", Wide::describe), ("pair", New::describe)], Wide::describe);
    let places = [
        "argument 1 (a)",
        "argument 2 (pair).one",
        "argument 2 (pair).two[]",
        "argument 2 (pair).deep?.1[]",
        "result",
    ];
    assert_eq!(all(&here, &there), places.map(|place| format!("m: {place}.seat: u32 here, u64 there")));
}

#[test]
fn a_recursive_type_that_differs_is_named_in_every_argument_once() {
    structure! { Old as "Tree" { children: Vec<Old>, value: u8, parent: Option<Box<Old>> } }
    structure! { New as "Tree" { children: Vec<New>, value: u16, parent: Option<Box<New>> } }
    structure! { OldLeaf as "Leaf" { tree: Option<Box<Old>> } }
    structure! { NewLeaf as "Leaf" { tree: Option<Box<New>> } }
    let here = signature(&[("a", Old::describe), ("b", Vec::<Old>::describe)], OldLeaf::describe);
    let there = signature(&[("a", New::describe), ("b", Vec::<New>::describe)], NewLeaf::describe);
    let places = ["argument 1 (a)", "argument 2 (b)[]", "result.tree?"];
    assert_eq!(all(&here, &there), places.map(|place| format!("m: {place}.value: u8 here, u16 there")));
}

#[test]
fn names_that_stand_twice_are_never_taken_for_the_same() {
    let names = |names: &[&str]| {
        let mut types = Types::default();
        let id = u8::describe(&mut types);
        types.signature(names.iter().map(|name| ((*name).to_owned(), id)).collect(), id)
    };
    assert_eq!(all(&names(&["a", "a"]), &names(&["a", "a"])), [""; 0]);
    assert_eq!(all(&names(&["a", "a"]), &names(&["a"])), ["m: 2 arguments here, 1 argument there"]);
    assert_eq!(all(&names(&["a", "b", "b"]), &names(&["a", "a", "b"])).len(), 1);
}

#[test]
fn two_fields_that_changed_alike_are_two_differences() {
    structure! { Old as "T" { row: u32, seat: u32 } }
    structure! { New as "T" { row: u64, seat: u64 } }
    let found: Vec<String> =
        with::<Old>().differences(&with::<New>(), "m").iter().map(|d| d.to_string()).collect();
    let expected = [
        "m: argument 1 (ticket).row: u32 here, u64 there",
        "m: argument 1 (ticket).seat: u32 here, u64 there",
    ];
    assert_eq!(found, expected);
}

#[test]
fn results_and_errors_are_told_apart() {
    structure! { Limit as "Refused" { limit: u32 } }
    structure! { WideLimit as "Refused" { limit: u64 } }
    let here = signature(&[], <Result<Ticket, Limit>>::describe);
    let there = signature(&[], <Result<Wide, WideLimit>>::describe);
    let found: Vec<String> = here.differences(&there, "sell").iter().map(ToString::to_string).collect();
    assert_eq!(found, ["sell: result.seat: u32 here, u64 there", "sell: error.limit: u32 here, u64 there"]);
    let plain = signature(&[], Ticket::describe);
    let found = here.difference(&plain, "sell").unwrap().to_string();
    assert_eq!(found, "sell: result: Result<Ticket, Refused> here, struct Ticket there");
    differ::<Vec<Result<Ticket, u8>>, Vec<Result<Wide, u8>>>("[].Ok.seat: u32 here, u64 there");
}

#[test]
fn an_enum_of_ones_own_is_no_result_even_if_it_looks_like_one() {
    choice! { Mine as "Result" { Ok(u8), Err(u16) } }
    let here = signature(&[], <Result<u8, u16>>::describe);
    let there = signature(&[], Mine::describe);
    assert_ne!(here.fingerprint(), there.fingerprint());
    let found = here.difference(&there, "m").unwrap().to_string();
    assert_eq!(found, "m: result: Result<u8, u16> here, enum Result there");
}

#[test]
fn long_names_of_the_other_side_are_cut() {
    let named = |name: &str| {
        let mut types = Types::default();
        let id = types.opaque(name);
        types.signature(vec![], id)
    };
    let found = named("Short").difference(&named(&"x".repeat(10_000)), "m").unwrap();
    assert_eq!(found.there, format!("opaque {}..", "x".repeat(80)));
}

newtype! { Seat(u32) }
newtype! { Wrapped(Seat) }
structure! { Billet as "Billet" { seat: Seat, holder: Box<str> } }

#[test]
fn what_the_wire_does_not_show_is_no_difference() {
    same::<Ticket, Billet>();
    same::<u32, Wrapped>();
    same::<Vec<u8>, bytes::Bytes>();
    same::<Box<String>, std::sync::Arc<str>>();
    same::<usize, u64>();
    assert_eq!(with::<Ticket>().fingerprint(), with::<Billet>().fingerprint());
}

#[test]
fn opaque_types_are_compared_by_name() {
    let opaque = |name: &str| {
        let mut types = Types::default();
        let id = types.opaque(name);
        types.signature(vec![], id)
    };
    assert_eq!(opaque("Place").difference(&opaque("Place"), "m"), None);
    let found = opaque("Place").difference(&opaque("Point"), "m").unwrap().to_string();
    assert_eq!(found, "m: result: opaque Place here, opaque Point there");
}

structure! { Tree as "Tree" { value: u32, children: Vec<Tree>, parent: Option<Box<Tree>> } }
structure! { Baum as "Baum" { value: u32, children: Vec<Baum>, parent: Option<Box<Baum>> } }
structure! { OtherTree as "Tree" { value: u32, children: Vec<OtherTree>, parent: Option<Box<u8>> } }
choice! { Even as "Even" { Zero, More(Box<Odd>) } }
structure! { Odd as "Odd" { less: Even } }
choice! { Even2 as "Even" { Zero, More(Box<Odd2>) } }
structure! { Odd2 as "Odd" { less: Option<Even2> } }
newtype! { List(Option<Box<List>>) }
newtype! { Longer(Option<Box<(u8, Longer)>>) }
newtype! { Endless(Box<Endless>) }

#[test]
fn recursive_types_end_and_differ_where_they_differ() {
    same::<Tree, Baum>();
    assert_eq!(with::<Tree>().fingerprint(), with::<Baum>().fingerprint());
    differ::<Tree, OtherTree>(".parent?: struct Tree here, u8 there");
    differ::<Even, Even2>(".More.less: enum Even here, Option<Even> there");
    same::<List, List>();
    same::<List, Option<List>>();
    differ::<List, Longer>("?: Option<Option<..>> here, a tuple of 2 there");
    same::<Endless, Endless>();
    assert!(compare::<Endless, List>().is_some());
}

#[test]
fn one_structure_may_be_spread_over_types_in_several_ways() {
    structure! { One as "One" { next: Option<Box<One>> } }
    structure! { A as "A" { next: Option<Box<B>> } }
    structure! { B as "B" { next: Option<Box<A>> } }
    assert_ne!(with::<One>().fingerprint(), with::<A>().fingerprint());
    same::<One, A>();
}
