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

#[test]
fn what_the_operating_system_says_is_passed_on() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let error = compare::<old::BoxOfficeClient>(folder).unwrap_err();
    assert!(matches!(error, LockError::Io { .. }), "{error}");
    let error = update::<old::BoxOfficeClient>(folder.join("no such folder/a.schema")).unwrap_err();
    assert!(matches!(error, LockError::Io { .. }), "{error}");
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
    for no in ["", "0"] {
        let (passed, said) = child(no);
        assert!(!passed && said.contains("there is no lock file"), "{said}");
        assert!(!path.exists());
    }
    assert!(child("1").0);
    assert!(child("0").0);
    compare::<old::BoxOfficeClient>(&path).unwrap();
}
