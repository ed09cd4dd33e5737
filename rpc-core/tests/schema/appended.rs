//! Variants that one side has appended to an enum are no differences, but told.

use crate::{differ, signature, with};
use rpc_core::schema::{Schema, Side};
use std::cmp::Ordering;
use std::collections::BTreeMap;

choice! { Old as "Section" { Stalls, Box { number: u8 } } }
choice! { New as "Section" { Stalls, Box { number: u8 }, Balcony, Tier(Vec<Row>) } }
choice! { Inserted as "Section" { Stalls, Balcony, Box { number: u8 } } }
choice! { Reordered as "Section" { Box { number: u8 }, Stalls } }
choice! { Renamed as "Section" { Stalls, Loge { number: u8 } } }
choice! { AppendedAndChanged as "Section" { Stalls, Box { number: u16 }, Balcony } }
structure! { Row as "Row" { seats: u32 } }

/// Keys of maps must have an order, whichever.
macro_rules! ordered {
    ($($name:ident)*) => { $(
        impl PartialEq for $name {
            fn eq(&self, _: &Self) -> bool {
                true
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, _: &Self) -> Ordering {
                Ordering::Equal
            }
        }
    )* };
}
ordered! { Old New }

fn appended<A: Schema, B: Schema>() -> Vec<String> {
    let compared = with::<A>().compare(&with::<B>(), "sell");
    assert_eq!(compared.differences, []);
    compared.appended.iter().map(ToString::to_string).collect()
}

#[test]
fn appended_variants_are_told_with_their_side() {
    let there = ["sell: argument 1 (ticket): enum Section has Balcony, Tier only there"];
    assert_eq!(appended::<Old, New>(), there);
    let here = ["sell: argument 1 (ticket): enum Section has Balcony, Tier only here"];
    assert_eq!(appended::<New, Old>(), here);
    let compared = with::<Old>().compare(&with::<New>(), "sell");
    assert!(compared.has_appended(Side::There) && !compared.has_appended(Side::Here));
    assert_ne!(with::<Old>().fingerprint(), with::<New>().fingerprint());
}

#[test]
fn appended_variants_are_found_wherever_the_enum_is() {
    structure! { OldTicket as "Ticket" { section: Option<Vec<BTreeMap<Old, u8>>>, next: Option<Box<OldTicket>> } }
    structure! { NewTicket as "Ticket" { section: Option<Vec<BTreeMap<New, u8>>>, next: Option<Box<NewTicket>> } }
    let found = appended::<OldTicket, NewTicket>();
    assert_eq!(
        found,
        ["sell: argument 1 (ticket).section?[][key]: enum Section has Balcony, Tier only there"]
    );
}

#[test]
fn variants_inserted_reordered_or_renamed_are_differences() {
    differ::<Old, Inserted>(".Balcony: nothing here, variant 2 there");
    differ::<Old, Reordered>(", order of variants: Stalls before Box here, Box before Stalls there");
    differ::<Old, Renamed>(", variant 2: `Box` here, `Loge` there");
}

#[test]
fn a_change_beside_an_appended_variant_is_a_difference() {
    differ::<Old, AppendedAndChanged>(".Box.number: u8 here, u16 there");
}

#[test]
fn a_result_and_its_error_may_each_have_appended_variants() {
    let here = signature(&[("s", New::describe)], <Result<Old, New>>::describe);
    let there = signature(&[("s", Old::describe)], <Result<New, Old>>::describe);
    let compared = here.compare(&there, "m");
    assert_eq!(compared.differences, []);
    let found: Vec<String> = compared.appended.iter().map(ToString::to_string).collect();
    let expected = [
        "m: argument 1 (s): enum Section has Balcony, Tier only here",
        "m: result: enum Section has Balcony, Tier only there",
        "m: error: enum Section has Balcony, Tier only here",
    ];
    assert_eq!(found, expected);
    assert!(compared.has_appended(Side::Here) && compared.has_appended(Side::There));
}
