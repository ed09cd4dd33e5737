//! Every attribute in serde's documentation: what it does to the description of a type, or why it is refused.

use super::schema;
use std::collections::BTreeSet;

/// serde's attributes by where they may stand, as <https://serde.rs/attributes.html> lists them.
const CONTAINER: &[&str] = &[
    "rename",
    "rename_all",
    "rename_all_fields",
    "deny_unknown_fields",
    "tag",
    "content",
    "untagged",
    "bound",
    "default",
    "remote",
    "transparent",
    "from",
    "try_from",
    "into",
    "crate",
    "expecting",
    "variant_identifier",
    "field_identifier",
];
const VARIANT: &[&str] = &[
    "rename",
    "alias",
    "rename_all",
    "skip",
    "skip_serializing",
    "skip_deserializing",
    "serialize_with",
    "deserialize_with",
    "with",
    "bound",
    "borrow",
    "other",
    "untagged",
];
const FIELD: &[&str] = &[
    "rename",
    "alias",
    "default",
    "flatten",
    "skip",
    "skip_serializing",
    "skip_deserializing",
    "skip_serializing_if",
    "serialize_with",
    "deserialize_with",
    "with",
    "borrow",
    "bound",
    "getter",
];

/// A type with a place for an attribute, on a line of its own.
struct Template(&'static [&'static str], &'static str);

const STRUCT: Template = Template(CONTAINER, "\n@\nstruct Ticket<T> { seat_row: u32, holder: T }");
const ENUM: Template = Template(CONTAINER, "\n@\nenum Section<T> { FrontStalls { row_number: T }, Balcony }");
const OF_VARIANT: Template =
    Template(VARIANT, "enum Section<T> { FrontStalls(T),\n@\nUpperBalcony { row_number: u32 } }");
const OF_FIELD: Template = Template(FIELD, "struct Ticket<T> { holder: T,\n@\nseat_row: u32 }");

enum Outcome {
    /// The description changes.
    Honoured,
    /// The description is the same: the bytes are.
    NoEffect,
    /// Not taken, at the attribute's own line, because of this.
    Refused(&'static str),
}
use Outcome::{Honoured, NoEffect, Refused};

const NAMES: &str = "it needs names on the wire";
const FUNCTION: &str = "what this function writes cannot be seen";
const ONE_SIDE: &str = "both sides of the wire must use one name";
const CONVERSION: &str = "what is written must be what is read";
const SHIFTED: &str = "a skipped variant is still counted by the writer";
const ONE_SKIPS: &str = "one side would skip what the other does not";
const FOREIGN: &str = "the structure of the other crate's type is not seen here";
const IDENTIFIER: &str = "it reads names, and the wire has none";
const TAG: &str = "a tag is found by its name";
const UNTAGGED: &str = "the reader must be told which variant follows";

const TABLE: &[(&Template, &str, Outcome)] = &[
    (&STRUCT, r#"rename = "Seat""#, Honoured),
    (&STRUCT, r#"rename(serialize = "Seat", deserialize = "Seat")"#, Honoured),
    (&STRUCT, r#"rename(serialize = "Seat", deserialize = "Place")"#, Refused(ONE_SIDE)),
    (&STRUCT, r#"rename(serialize = "Seat")"#, Refused(ONE_SIDE)),
    (&STRUCT, r#"rename_all = "camelCase""#, Honoured),
    (&STRUCT, r#"rename_all(deserialize = "camelCase")"#, Refused(ONE_SIDE)),
    (&ENUM, r#"rename_all = "snake_case""#, Honoured),
    (&ENUM, r#"rename_all_fields = "camelCase""#, Honoured),
    (&ENUM, r#"rename_all_fields(serialize = "camelCase", deserialize = "snake_case")"#, Refused(ONE_SIDE)),
    (&STRUCT, "deny_unknown_fields", NoEffect),
    (&STRUCT, r#"tag = "kind""#, Refused(TAG)),
    (&ENUM, r#"tag = "kind""#, Refused(TAG)),
    (&ENUM, r#"tag = "kind", content = "value""#, Refused(TAG)),
    (&ENUM, "untagged", Refused(UNTAGGED)),
    (&STRUCT, r#"bound = "T: Seat""#, Honoured),
    (&ENUM, r#"bound(serialize = "T: Seat", deserialize = "T: Place<'de>")"#, Honoured),
    (&STRUCT, "default", NoEffect),
    (&STRUCT, r#"default = "made""#, NoEffect),
    (&STRUCT, r#"remote = "other::Ticket""#, Refused(FOREIGN)),
    (&STRUCT, "transparent", Honoured),
    (&STRUCT, r#"from = "u32", into = "u32""#, Honoured),
    (&ENUM, r#"try_from = "u8", into = "u8""#, Honoured),
    (&STRUCT, r#"from = "u32""#, Refused(CONVERSION)),
    (&STRUCT, r#"try_from = "u32""#, Refused(CONVERSION)),
    (&STRUCT, r#"into = "u32""#, Refused(CONVERSION)),
    (&STRUCT, r#"from = "u16", into = "u32""#, Refused(CONVERSION)),
    (&STRUCT, r#"crate = "my::serde""#, NoEffect),
    (&ENUM, r#"expecting = "a section""#, NoEffect),
    (&ENUM, "variant_identifier", Refused(IDENTIFIER)),
    (&ENUM, "field_identifier", Refused(IDENTIFIER)),
    (&OF_VARIANT, r#"rename = "Top""#, Honoured),
    (&OF_VARIANT, r#"rename(deserialize = "Top")"#, Refused(ONE_SIDE)),
    (&OF_VARIANT, r#"alias = "Top""#, NoEffect),
    (&OF_VARIANT, r#"rename_all = "camelCase""#, Honoured),
    (&OF_VARIANT, "skip", Refused(SHIFTED)),
    (&OF_VARIANT, "skip_serializing", NoEffect),
    (&OF_VARIANT, "skip_deserializing", Refused(SHIFTED)),
    (&OF_VARIANT, "skip_serializing, skip_deserializing", Refused(SHIFTED)),
    (&OF_VARIANT, r#"serialize_with = "write""#, Refused(FUNCTION)),
    (&OF_VARIANT, r#"deserialize_with = "read""#, Refused(FUNCTION)),
    (&OF_VARIANT, r#"with = "module""#, Refused(FUNCTION)),
    (&OF_VARIANT, r#"bound = "T: Seat""#, Honoured),
    (&OF_VARIANT, "borrow", NoEffect),
    (&OF_VARIANT, "other", Refused("an unknown variant fails the call that carries it")),
    (&OF_VARIANT, "untagged", Refused(UNTAGGED)),
    (&OF_FIELD, r#"rename = "row""#, Honoured),
    (&OF_FIELD, r#"rename(serialize = "row", deserialize = "r")"#, Refused(ONE_SIDE)),
    (&OF_FIELD, r#"alias = "row""#, NoEffect),
    (&OF_FIELD, "default", NoEffect),
    (&OF_FIELD, r#"default = "made""#, NoEffect),
    (&OF_FIELD, "flatten", Refused(NAMES)),
    (&OF_FIELD, "skip", Honoured),
    (&OF_FIELD, "skip_serializing, skip_deserializing", Honoured),
    (&OF_FIELD, "skip_serializing", Refused(ONE_SKIPS)),
    (&OF_FIELD, "skip_deserializing", Refused(ONE_SKIPS)),
    (&OF_FIELD, r#"skip_serializing_if = "is_none""#, Refused("one that is left out shifts all that follow")),
    (&OF_FIELD, r#"serialize_with = "write""#, Refused(FUNCTION)),
    (&OF_FIELD, r#"deserialize_with = "read""#, Refused(FUNCTION)),
    (&OF_FIELD, r#"with = "module""#, Refused(FUNCTION)),
    (&OF_FIELD, "borrow", NoEffect),
    (&OF_FIELD, r#"borrow = "'a + 'b""#, NoEffect),
    (&OF_FIELD, r#"bound = "T: Seat""#, Honoured),
    (&OF_FIELD, r#"getter = "Ticket::row""#, Refused(FOREIGN)),
    (&OF_FIELD, "something_new", Refused("what it does to the wire is not known here")),
];

/// The expansion, and the errors with their lines.
fn expand(template: &Template, attribute: &str) -> (String, Vec<(usize, String)>) {
    let source = template.1.replace('@', attribute);
    let (code, errors) = schema(source.parse().expect("tokens"));
    let errors = errors.into_iter().flatten();
    (code.to_string(), errors.map(|error| (error.span().start().line, error.to_string())).collect())
}

#[test]
fn every_attribute_of_serde_is_honoured_or_refused_where_it_stands() {
    for (template, attribute, outcome) in TABLE {
        let (plain, _) = expand(template, "");
        let (code, errors) = expand(template, &format!("#[serde({attribute})]"));
        match outcome {
            Honoured => assert!(errors.is_empty() && code != plain, "{attribute}: {errors:?}\n{code}"),
            NoEffect => assert!(errors.is_empty() && code == plain, "{attribute}: {errors:?}\n{code}"),
            Refused(why) => {
                assert!(!errors.is_empty(), "{attribute} is taken");
                for (line, error) in errors {
                    assert!(line == 2 && error.contains(why), "{attribute}: {line}: {error}");
                }
            }
        }
    }
}

#[test]
fn no_attribute_of_serde_is_left_out_of_the_table() {
    for documented in [CONTAINER, VARIANT, FIELD] {
        let rows = TABLE.iter().filter(|(template, ..)| template.0 == documented);
        let words = rows.flat_map(|(_, attribute, _)| attribute.split(", "));
        let tested: BTreeSet<_> =
            words.map(|word| word.split([' ', '(']).next().unwrap_or_default()).collect();
        for attribute in documented {
            assert!(tested.contains(attribute), "{attribute} is not tested");
        }
    }
}
