//! What is said of each change, and whom it breaks.

use crate::{BOX_OFFICE, lock};
use rpc_core::lock::Other;

/// The report when `what` in the lock file's trait has become `by`.
fn report(changes: &[(&str, &str)]) -> String {
    let mut now = BOX_OFFICE.to_owned();
    for (what, by) in changes {
        assert!(now.contains(what), "{what}");
        now = now.replacen(what, by, 1);
    }
    lock(BOX_OFFICE).changes(&lock(&now)).to_string()
}

const BOTH: &str = "breaks clients built against 1.1 at new servers, and new clients at servers of 1.1:\n";
const OLD: &str = "breaks clients built against 1.1 at new servers:\n";
const NEW: &str = "breaks new clients at servers of 1.1:\n";

#[test]
fn nothing_is_said_of_what_has_not_changed() {
    assert_eq!(report(&[]), "");
    assert_eq!(report(&[("fn refund", "# a comment\nfn refund")]), "");
}

#[test]
fn methods_and_types_in_another_order_are_no_change() {
    let sell = "fn sell(order: u64, section: Section) -> Result<Ticket, Refused>\n";
    assert_eq!(report(&[(sell, ""), ("enum Refused", &format!("{sell}enum Refused"))]), "");
}

#[test]
fn a_changed_field_is_named_by_its_path() {
    let expected = "  - sell: result.seat: u32 in the lock file, u64 in the trait
    -> leave it as it was and add a method with #[rpc(since = \"1.2\")], or begin version 2.0
  - refund: argument 1 (ticket).seat: u32 in the lock file, u64 in the trait
    -> leave it as it was and add a method with #[rpc(since = \"1.2\")], or begin version 2.0
";
    assert_eq!(report(&[("seat: u32", "seat: u64")]), format!("{BOTH}{expected}"));
}

#[test]
fn a_changed_argument_is_named_by_its_place() {
    let expected = "  - sell: argument 1 (order): u64 in the lock file, u32 in the trait
    -> leave it as it was and add a method with #[rpc(since = \"1.2\")], or begin version 2.0
";
    assert_eq!(report(&[("order: u64", "order: u32")]), format!("{BOTH}{expected}"));
}

#[test]
fn a_method_without_since_is_taken_for_one_that_was_always_there() {
    let expected = "  - resell was added without `since`: clients take servers of 1.1 to have it
    -> write #[rpc(since = \"1.2\")] and #[service(version = \"1.2\")]
  - the version is still 1.1: clients cannot tell which servers have what is new
    -> write #[service(version = \"1.2\")]
";
    assert_eq!(
        report(&[("fn refund", "fn resell(ticket: Ticket) -> bool\nfn refund")]),
        format!("{NEW}{expected}")
    );
}

#[test]
fn a_method_that_says_it_is_older_than_it_is_breaks_new_clients() {
    let expected = "  - resell was added, since 1.1, but servers of 1.1 do not have it
    -> write #[rpc(since = \"1.2\")]
harmless:
  - version 1.1 is now 1.2
";
    let changes = [("1.1", "1.2"), ("fn refund", "fn resell(ticket: Ticket) -> bool, since 1.1\nfn refund")];
    assert_eq!(report(&changes), format!("{NEW}{expected}"));
}

#[test]
fn a_method_with_since_and_a_new_minor_version_is_harmless() {
    let changes = [("1.1", "1.2"), ("fn refund", "fn resell(ticket: Ticket) -> bool, since 1.2\nfn refund")];
    assert_eq!(report(&changes), "harmless:\n  - version 1.1 is now 1.2\n  - resell was added, since 1.2\n");
}

#[test]
fn a_removed_method_breaks_old_clients() {
    let expected = "  - free_seats was removed: old clients that call it learn that it is not there
    -> keep free_seats (it may be #[deprecated]) until no client calls it
";
    assert_eq!(
        report(&[("fn free_seats(section: Section) -> u32, idempotent", "")]),
        format!("{OLD}{expected}")
    );
}

#[test]
fn a_renamed_method_breaks_both_sides() {
    let expected =
        "  - refund is gone, or was renamed to give_back, which has its signature: old clients ask for refund
    -> keep refund (it may be #[deprecated]) and add give_back beside it, with #[rpc(since = \"1.2\")]
breaks new clients at servers of 1.1:
  - give_back was added, since 1.1, but servers of 1.1 do not have it
    -> write #[rpc(since = \"1.2\")] and #[service(version = \"1.2\")]
  - the version is still 1.1: clients cannot tell which servers have what is new
    -> write #[service(version = \"1.2\")]
";
    assert_eq!(report(&[("fn refund", "fn give_back")]), format!("{OLD}{expected}"));
}

#[test]
fn idempotence_that_was_dropped_breaks_old_clients() {
    let expected = "  - free_seats is not idempotent any more: old clients would run it again, so they may not call it at all
    -> leave free_seats idempotent, or add a method beside it
";
    assert_eq!(report(&[(", idempotent", "")]), format!("{OLD}{expected}"));
}

#[test]
fn idempotence_that_was_gained_breaks_new_clients_until_servers_have_it() {
    let expected =
        "  - refund is idempotent now: new clients may not call it where a second run is not safe yet
    -> update all servers before the first client
";
    assert_eq!(report(&[("since 1.1", "idempotent, since 1.1")]), format!("{NEW}{expected}"));
}

#[test]
fn an_appended_variant_is_harmless_until_it_is_sent() {
    let expected = "harmless until a value that is new is sent:
  - Gallery was appended to enum Section: calls that carry it fail where it is not known, all others work (free_seats: argument 1 (section); sell: argument 2 (section); sell: result.section; refund: argument 1 (ticket).section)
    -> let no client send it before all servers know it; let no server return it before all clients know it
  - Late, Early was appended to enum Refused: calls that carry it fail where it is not known, all others work (sell: error)
    -> let no server return it before all clients know it
harmless:
  - version 1.1 is now 1.2
";
    let changes =
        [("1.1", "1.2"), ("Balcony,", "Balcony,\n    Gallery(u8),"), ("SoldOut,", "SoldOut, Late, Early,")];
    assert_eq!(report(&changes), expected);
}

#[test]
fn an_appended_variant_needs_a_version_of_its_own() {
    let expected = "  - the version is still 1.1: clients cannot tell which servers have what is new
    -> write #[service(version = \"1.2\")]
";
    let expected = format!("{NEW}{expected}harmless until a value that is new is sent:\n");
    assert!(report(&[("Balcony,", "Balcony, Gallery,")]).starts_with(&expected));
}

#[test]
fn a_variant_that_was_removed_from_the_end_fails_where_it_is_sent() {
    let expected = "  - Balcony was removed from enum Section: calls that carry it fail (free_seats: argument 1 (section); sell: argument 2 (section); sell: result.section; refund: argument 1 (ticket).section)
    -> keep it until no program sends it
";
    assert_eq!(report(&[("    Balcony,\n", "")]), format!("{BOTH}{expected}"));
}

#[test]
fn a_variant_in_the_middle_is_a_difference() {
    let report = report(&[("Balcony,", "Gallery, Balcony,")]);
    let expected =
        "  - free_seats: argument 1 (section).Gallery: nothing in the lock file, variant 2 in the trait\n";
    assert!(report.starts_with(&format!("{BOTH}{expected}")), "{report}");
}

#[test]
fn a_renamed_type_is_harmless() {
    let changes =
        [("Ticket, R", "Seat, R"), ("ticket: Ticket", "ticket: Seat"), ("struct Ticket", "struct Seat")];
    let expected =
        "harmless:\n  - the type Ticket is now called Seat: names of types do not cross the wire\n";
    assert_eq!(report(&changes), expected);
}

#[test]
fn a_method_that_says_it_is_newer_than_it_is_is_not_called_at_older_servers() {
    let expected = "  - sell was there from the start, and now says since 1.2: new clients do not call it at servers of 1.1, which have it
    -> sell keeps what it said
harmless:
  - version 1.1 is now 1.2
";
    let changes = [("1.1", "1.2"), ("Result<Ticket, Refused>", "Result<Ticket, Refused>, since 1.2")];
    assert_eq!(report(&changes), format!("{NEW}{expected}"));
}

#[test]
fn a_since_that_goes_back_is_harmless() {
    let expected = "harmless:\n  - refund was there since 1.1, and now says from the start\n";
    assert_eq!(report(&[(", since 1.1", "")]), expected);
}

#[test]
fn a_service_that_is_renamed_is_not_found_any_more() {
    let expected = "  - the service BoxOffice is now called Office: servers are asked for it by its name
    -> keep the name on the wire: #[service(name = \"BoxOffice\")]
";
    assert_eq!(report(&[("BoxOffice", "Office")]), format!("{BOTH}{expected}"));
}

#[test]
fn another_major_excuses_every_change_but_itself() {
    let expected =
        "  - version 1.1 is now 2.0, another major: clients of one do not bind to servers of the other
    -> let servers offer 1.1 beside 2.0 for as long as there are clients of it
harmless, since it comes with version 2.0:
  - free_seats is not idempotent any more: old clients would run it again, so they may not call it at all
  - sell: argument 1 (order): u64 in the lock file, u32 in the trait
";
    let changes = [("1.1", "2.0"), ("order: u64", "order: u32"), (", idempotent", ""), ("1.1", "2.0")];
    let report = report(&changes);
    let report: Vec<_> = report.lines().filter(|line| !line.contains("refund")).collect();
    assert_eq!(report.join("\n") + "\n", format!("{BOTH}{expected}"));
}

#[test]
fn a_version_that_goes_back_breaks_old_clients() {
    let expected = "  - version 1.1 went back to 1.0: clients do not call what came after it
    -> write #[service(version = \"1.1\")] or a later one
";
    let report = report(&[("BoxOffice 1.1", "BoxOffice 1.0")]);
    assert_eq!(report, format!("{OLD}{expected}"));
}

#[test]
fn a_file_of_another_service_or_major_is_told_from_one_that_has_changed() {
    let other = |what: &str, by: &str| lock(BOX_OFFICE).changes(&lock(&BOX_OFFICE.replace(what, by))).other();
    assert_eq!(other("BoxOffice", "Office"), Some(Other::Service));
    assert_eq!(other("BoxOffice 1.1", "Office 2.0"), Some(Other::Service));
    assert_eq!(other("1.1", "2.0"), Some(Other::Major));
    assert_eq!(other("1.1", "1.2"), None);
}
