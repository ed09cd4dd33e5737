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

/// What is written in place of a file that cannot be read.
fn salvaged(damaged: &str) -> String {
    assert!(Lock::parse(damaged).is_err());
    let text = lock(BOX_OFFICE).with_comments_of_damaged(damaged).to_string();
    assert_eq!(lock(&text).to_string(), text);
    text
}

#[test]
fn comments_outlive_a_merge_conflict() {
    let of_a_field = "    # of a field
<<<<<<< HEAD
    # of ours
    seat: u32,
=======
    # of theirs
    seat: u64,
>>>>>>> theirs
";
    let damaged = BOX_OFFICE
        .replace("    seat: u32,\n", of_a_field)
        .replace("fn sell", "# of a method\nfn sell")
        .replace("enum Section", "# of a type\nenum Section");
    let text = salvaged(&damaged);
    for expected in [
        "\n    # of a field\n    # of ours\n    # of theirs\n    seat: u32,\n",
        "\n# of a method\nfn sell",
        "\n# of a type\nenum Section",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn a_comment_that_both_sides_of_a_merge_have_is_kept_once() {
    let both = "<<<<<<< HEAD\n# both\nfn refund()\n=======\n# both\nfn refund() -> u8\n>>>>>>> theirs\n";
    let text = salvaged(&format!("service BoxOffice 1.1\n{both}"));
    assert!(text.contains("\n# both\nfn refund") && text.matches("# both").count() == 1, "{text}");
}

#[test]
fn a_comment_whose_place_is_not_known_any_more_comes_to_the_end() {
    let text = salvaged("service BoxOffice 1.1\n# of what was\nfn gone()\n# of a hand that slipped\n$%&\n");
    assert!(text.ends_with("}\n# of what was\n# of a hand that slipped\n"), "{text}");
}
