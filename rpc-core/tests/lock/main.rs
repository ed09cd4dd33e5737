//! Lock files: what is read, what is refused, and what is said of each change. Both sides are written as texts.

mod changes;
mod damaged;

use rpc_core::lock::Lock;

fn lock(text: &str) -> Lock {
    Lock::parse(text).unwrap_or_else(|damaged| panic!("{damaged}"))
}

const BOX_OFFICE: &str = "\
service BoxOffice 1.1

fn free_seats(section: Section) -> u32, idempotent
fn sell(order: u64, section: Section) -> Result<Ticket, Refused>
fn refund(ticket: Ticket), since 1.1

enum Refused {
    SoldOut,
}

enum Section {
    Parquet,
    Balcony,
}

struct Ticket {
    section: Section,
    seat: u32,
}
";

#[test]
fn what_is_written_by_hand_is_read_as_it_was_meant() {
    let text = lock(BOX_OFFICE).to_string();
    let (header, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("##"));
    assert_eq!(header.len(), 3);
    assert_eq!(rest.join("\n").trim(), BOX_OFFICE.trim());
}

#[test]
fn comments_stay_with_what_they_stand_above() {
    let commented = BOX_OFFICE
        .replace("service", "# of the service\n# two lines\nservice")
        .replace("fn sell", "\n  # of a method\nfn sell")
        .replace("enum Section", "# of a type\nenum Section")
        .replace("    seat", "    # of a field\n    seat")
        + "# at the end\n";
    let kept = lock(BOX_OFFICE).with_comments_of(lock(&commented)).to_string();
    for line in
        ["# of the service\n# two lines\nservice", "\n# of a method\nfn sell", "\n# of a type\nenum Section"]
    {
        assert!(kept.contains(line), "{line}\n{kept}");
    }
    assert!(kept.contains("\n    # of a field\n    seat: u32,\n"), "{kept}");
    assert!(kept.ends_with("}\n# at the end\n"), "{kept}");
    assert_eq!(lock(&kept).to_string(), kept);
}
