//! The lock file of a service, from the trait to the file and back. That `#[service(lock = "..")]` writes a test of its own
//! is seen in `macro_hygiene.rs` and in the example `box_office`, whose tests these are.

use carnegie::lock::{LockError, check, compare, update};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod old {
    #[derive(serde::Serialize, serde::Deserialize, carnegie::Schema)]
    pub(super) enum Refused {
        SoldOut,
    }
    #[derive(serde::Serialize, serde::Deserialize, carnegie::Schema)]
    pub(super) struct Ticket {
        pub(super) seat: u32,
        pub(super) holder: Option<String>,
    }
    #[carnegie::service(version = "1.1")]
    pub(super) trait BoxOffice {
        #[rpc(idempotent)]
        async fn free_seats(&self) -> u32;
        #[rpc(timeout = "2s")]
        async fn sell(&self, cx: &carnegie::Context, order: u64, holder: &str) -> Result<Ticket, Refused>;
        #[rpc(since = "1.1")]
        async fn refund(&self, tickets: &[Ticket]);
    }
}

mod new {
    #[derive(serde::Serialize, serde::Deserialize, carnegie::Schema)]
    pub(super) struct Ticket {
        pub(super) seat: u64,
        pub(super) holder: Option<String>,
    }
    #[carnegie::service(version = "1.1")]
    pub(super) trait BoxOffice {
        async fn refund(&self, tickets: &[Ticket]);
        #[rpc(idempotent)]
        async fn free_seats(&self) -> u32;
        async fn sell(&self, order: u64, holder: &str) -> Result<super::old::Ticket, super::old::Refused>;
    }
}

mod reordered {
    use super::old::{Refused, Ticket};

    /// Other words, other times.
    #[carnegie::service(version = "1.1")]
    pub(super) trait BoxOffice {
        #[rpc(since = "1.1", blocking)]
        async fn refund(&self, tickets: Vec<Ticket>);
        async fn sell(&self, order: u64, holder: String) -> Result<Ticket, Refused>;
        #[rpc(idempotent, timeout = "1s")]
        async fn free_seats(&self) -> u32;
    }
}

/// Another service, and another major version of the first.
mod second {
    #[carnegie::service]
    pub(super) trait CashDesk {
        async fn total(&self) -> u64;
    }
    #[carnegie::service(version = "2.0")]
    pub(super) trait BoxOffice {
        async fn free_seats(&self) -> u64;
    }
}

/// A file of this test alone, not there yet.
fn file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn a_file_that_was_just_written_says_what_the_trait_says() {
    let path = file("written.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    compare::<old::BoxOfficeClient>(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("##")).collect();
    let expected = "
service BoxOffice 1.1

fn free_seats() -> u32, idempotent
fn sell(order: u64, holder: String) -> Result<Ticket, Refused>
fn refund(tickets: Vec<Ticket>), since 1.1

enum Refused {
    SoldOut,
}

struct Ticket {
    seat: u32,
    holder: Option<String>,
}";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn what_does_not_cross_the_wire_is_no_change() {
    let path = file("reordered.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    compare::<reordered::BoxOfficeClient>(&path).unwrap();
}

#[test]
fn a_changed_trait_fails_and_says_whom_it_breaks() {
    let path = file("changed.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    let error = compare::<new::BoxOfficeClient>(&path).unwrap_err();
    let said = format!("{error:?}").replace(&path.display().to_string(), "FILE");
    let expected = "the service BoxOffice is not what FILE says

breaks clients built against 1.1 at new servers, and new clients at servers of 1.1:
  - refund: argument 1 (tickets)[].seat: u32 in the lock file, u64 in the trait
    -> leave it as it was and add a method with #[rpc(since = \"1.2\")], or begin version 2.0
harmless:
  - refund was there since 1.1, and now says from the start

If this is meant: `CARNEGIE_UPDATE=1 cargo test` writes the file anew, then commit it.";
    assert_eq!(said, expected);
}

#[test]
fn a_missing_file_is_a_failure_that_says_the_command() {
    let path = file("missing.schema");
    let error = compare::<old::BoxOfficeClient>(&path).unwrap_err();
    assert!(matches!(error, LockError::Missing { .. }));
    assert!(
        error
            .to_string()
            .ends_with("missing.schema; `CARNEGIE_UPDATE=1 cargo test` writes it, then commit it")
    );
}

#[test]
fn a_damaged_file_is_a_failure_with_the_line_and_is_written_anew() {
    let path = file("damaged.schema");
    fs::write(&path, "service BoxOffice 1.1\n\n<<<<<<< HEAD\n").unwrap();
    let error = compare::<old::BoxOfficeClient>(&path).unwrap_err();
    assert!(matches!(error, LockError::Damaged { .. }));
    assert!(
        error.to_string().contains("damaged.schema:3: a merge conflict was left here; mend the line"),
        "{error}"
    );
    update::<old::BoxOfficeClient>(&path).unwrap();
    compare::<old::BoxOfficeClient>(&path).unwrap();
}

#[test]
fn comments_outlive_the_next_version_and_an_unchanged_file_is_left_alone() {
    let path = file("comments.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let commented = written.replace("fn free_seats", "# the board in the foyer asks\nfn   free_seats");
    fs::write(&path, &commented).unwrap();
    update::<old::BoxOfficeClient>(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), commented);
    update::<new::BoxOfficeClient>(&path).unwrap();
    let renewed = fs::read_to_string(&path).unwrap();
    assert!(
        renewed.contains("\n# the board in the foyer asks\nfn free_seats() -> u32, idempotent\n"),
        "{renewed}"
    );
    compare::<new::BoxOfficeClient>(&path).unwrap();
}

/// A folder of this test alone, empty.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir(&path).unwrap();
    path
}

#[test]
fn what_the_operating_system_says_of_reading_is_passed_on() {
    let folder = folder("a folder.schema");
    let expected = format!("the lock file {} cannot be read: ", folder.display());
    for error in [
        compare::<old::BoxOfficeClient>(&folder).unwrap_err(),
        update::<old::BoxOfficeClient>(&folder).unwrap_err(),
    ] {
        assert!(matches!(error, LockError::Read { .. }), "{error}");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[test]
fn what_the_operating_system_says_of_writing_is_passed_on_with_the_place() {
    let folder = folder("occupied");
    // The draft has the place that it would be written to taken by a folder.
    let path = folder.join("a.schema");
    let draft = folder.join(format!("a.schema.draft-{}", std::process::id()));
    fs::create_dir(&draft).unwrap();
    let error = update::<old::BoxOfficeClient>(&path).unwrap_err();
    assert!(matches!(error, LockError::Write { .. }), "{error}");
    let expected = format!("the lock file {} cannot be written: {}: ", path.display(), draft.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn a_folder_that_is_missing_is_made_and_no_draft_is_left_there() {
    let folder = folder("made");
    let path = folder.join("a/b/office.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    compare::<old::BoxOfficeClient>(&path).unwrap();
    let there: Vec<_> =
        fs::read_dir(folder.join("a/b")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(there, [path]);
}

#[cfg(unix)]
#[test]
fn no_draft_is_left_where_the_file_cannot_be_put_in_its_place() {
    let folder = folder("refused");
    // Not there while it is read, and a folder when it is written.
    let path = folder.join("absent/..");
    let error = update::<old::BoxOfficeClient>(&path).unwrap_err();
    assert!(matches!(&error, LockError::Write { at, .. } if *at == path), "{error}");
    assert_eq!(fs::read_dir(folder.join("absent")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_whether_or_not_its_target_is_there() {
    let folder = folder("linked");
    fs::create_dir(folder.join("here")).unwrap();
    let link = folder.join("here/office.schema");
    std::os::unix::fs::symlink("../there.schema", &link).unwrap();
    for write in [update::<old::BoxOfficeClient>, update::<new::BoxOfficeClient>] {
        write(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    compare::<new::BoxOfficeClient>(folder.join("there.schema")).unwrap();
}

#[test]
fn a_file_of_another_service_is_not_overwritten() {
    let path = file("shared.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    let before = fs::read_to_string(&path).unwrap();
    let error = update::<second::CashDeskClient>(&path).unwrap_err();
    let said = error.to_string().replace(&path.display().to_string(), "FILE");
    let advice = "If both services exist, give each trait a lock file of its own. \
                  If this one was renamed, delete the file, then `CARNEGIE_UPDATE=1 cargo test` writes it anew.";
    let left =
        "the lock file FILE is of BoxOffice 1.1, the trait is CashDesk 1.0, so the file was left as it is. ";
    assert_eq!(said, format!("{left}{advice}"));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    let said = compare::<second::CashDeskClient>(&path).unwrap_err().to_string();
    assert!(said.ends_with(&format!("\n\n{advice}")), "{said}");
}

#[test]
fn a_file_of_another_major_version_is_not_overwritten() {
    let path = file("majors.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    let before = fs::read_to_string(&path).unwrap();
    let error = update::<second::BoxOfficeClient>(&path).unwrap_err();
    let said = error.to_string().replace(&path.display().to_string(), "FILE");
    let advice = "If both major versions are in use, give the trait of each a lock file of its own. \
                  If the former is gone, delete the file, then `CARNEGIE_UPDATE=1 cargo test` writes it anew.";
    let left =
        "the lock file FILE is of BoxOffice 1.1, the trait is BoxOffice 2.0, so the file was left as it is. ";
    assert_eq!(said, format!("{left}{advice}"));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    let said = compare::<second::BoxOfficeClient>(&path).unwrap_err().to_string();
    assert!(said.ends_with(&format!("\n\n{advice}")), "{said}");
}

#[test]
fn comments_outlive_a_merge_conflict_that_is_written_anew() {
    let path = file("conflict.schema");
    update::<old::BoxOfficeClient>(&path).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let conflict = "# the board asks\n<<<<<<< HEAD\nfn free_seats() -> u32\n=======\nfn free_seats() -> u8\n>>>>>>> b\nfn sell";
    fs::write(&path, written.replace("fn free_seats() -> u32, idempotent\nfn sell", conflict)).unwrap();
    assert!(matches!(compare::<old::BoxOfficeClient>(&path), Err(LockError::Damaged { .. })));
    update::<old::BoxOfficeClient>(&path).unwrap();
    let renewed = fs::read_to_string(&path).unwrap();
    assert_eq!(renewed, written.replace("fn free_seats", "# the board asks\nfn free_seats"));
}

#[test]
fn a_file_that_is_no_text_is_damaged_at_its_line() {
    let path = file("bytes.schema");
    fs::write(&path, b"service BoxOffice 1.1\n# \xff\n").unwrap();
    let error = compare::<old::BoxOfficeClient>(&path).unwrap_err().to_string();
    assert!(error.contains("bytes.schema:2: this is not UTF-8; mend the line"), "{error}");
}

/// The variable that makes the test below its own child.
const CHILD: &str = "CARNEGIE_LOCK_CHILD";

#[test]
fn the_file_is_written_when_the_variable_says_so_and_not_otherwise() {
    if let Some(path) = std::env::var_os(CHILD) {
        return check::<old::BoxOfficeClient>(path).unwrap();
    }
    let path = file("told.schema");
    let child = |update: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "the_file_is_written_when_the_variable_says_so_and_not_otherwise"]);
        let output = child.env(CHILD, &path).env("CARNEGIE_UPDATE", update).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for no in ["", "0", "false", "no", "OFF"] {
        let (passed, said) = child(no);
        assert!(!passed && said.contains("there is no lock file"), "{no}: {said}");
        assert!(!path.exists());
    }
    let (passed, said) = child("yes please");
    let expected = "CARNEGIE_UPDATE is \"yes please\"; `1` or `true` has lock files written";
    assert!(!passed && said.contains(expected) && !path.exists(), "{said}");
    for yes in ["1", "true"] {
        assert!(child(yes).0);
        compare::<old::BoxOfficeClient>(&path).unwrap();
        fs::remove_file(&path).unwrap();
    }
}
