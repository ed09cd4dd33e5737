//! Files that were damaged by a hand or by a merge: the line and the reason.

use crate::BOX_OFFICE;
use rpc_core::lock::Lock;

/// Replaces `what` in a good file and expects that error.
fn damaged(what: &str, by: &str, expected: &str) {
    assert!(BOX_OFFICE.contains(what), "{what}");
    let text = BOX_OFFICE.replacen(what, by, 1);
    let found = Lock::parse(&text).map_or_else(|damaged| damaged.to_string(), |_| "nothing".to_owned());
    assert_eq!(found, expected, "{text}");
}

#[test]
fn an_empty_file_has_no_service() {
    let found = Lock::parse("").unwrap_err().to_string();
    assert_eq!(found, "line 1: expected `service`, found the end of the file");
}

#[test]
fn a_merge_conflict_is_named_as_such() {
    let conflict = "<<<<<<< HEAD\n    seat: u32,\n=======\n    seat: u64,\n>>>>>>> other\n";
    damaged("    seat: u32,\n", conflict, "line 18: a merge conflict was left here");
}

#[test]
fn every_damage_is_reported_with_its_line() {
    damaged("service", "servise", "line 1: expected `service`, found `servise`");
    damaged("1.1", "1", "line 3: expected `.`, found `fn`");
    damaged("1.1", "1.70000", "line 1: a version is a major and a minor number up to 65535, as in `1.1`");
    damaged("1.1", "one", "line 1: expected a version, as in `1.1`, found `one`");
    damaged("fn sell", "sell", "line 4: expected `fn`, `struct`, `enum` or `type`, found `sell`");
    damaged("fn sell", "fn free_seats", "line 4: the method `free_seats` is here twice");
    damaged("section: Section) -> R", "order: u64) -> R", "line 4: the argument `order` is here twice");
    damaged("    seat", "    section: u8,\n    seat", "line 18: the field `section` is here twice");
    damaged("Balcony,", "Balcony,\n    Parquet(u8),", "line 14: the variant `Parquet` is here twice");
    damaged("Balcony,", "Box { row: u8, row: u8 }", "line 13: the field `row` is here twice");
    damaged("idempotent", "idempotnt", "line 3: expected `idempotent` or `since`, found `idempotnt`");
    damaged("u64, ", "u64 ", "line 4: expected `,` or `)`, found `section`");
    damaged("order: ", "order ", "line 4: expected `:`, found `u64`");
    damaged("Result<Ticket, ", "Result<", "line 4: expected `,`, found `>`");
    damaged("-> u32", "-> ", "line 3: expected a type, found `,`");
    damaged(
        "u64",
        "u65",
        "line 4: `u65` is neither a type of the standard library nor described in this file",
    );
    damaged("struct Ticket", "struct Refused", "line 16: the type `Refused` is described twice");
    damaged(
        "    seat: u32,\n}",
        "    seat: u32,\n",
        "line 19: expected the field's name, found the end of the file",
    );
    damaged("u32,\n}", "\"u32,\n}", "line 18: a quotation mark is missing at the end of a name");
    damaged(
        "    seat:",
        "    \"se\\at\":",
        "line 18: after a backslash stands `\\`, `\"` or a character's number, as in `\\u{7f}`",
    );
    damaged("u64", "[u8; x]", "line 4: expected the length of an array, found `x`");
}

#[test]
fn a_type_of_bottomless_depth_is_refused() {
    let deep = format!("service S 1.0\nfn m() -> {}", "Option<".repeat(100_000));
    assert_eq!(Lock::parse(&deep).unwrap_err().to_string(), "line 2: this type goes too deep");
}
