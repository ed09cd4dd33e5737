//! The example `kv` as its users have it: a store that is killed and started again, and the exit codes of its command line.

mod common;

use common::Folder;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tokio::time::timeout;

/// Far more than a process takes that does not serve.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store, a process of its own. Dropping it kills it.
struct Store {
    process: Child,
    address: String,
}

impl Store {
    fn start(kv: &Path, file: &Path) -> Store {
        let mut command = Command::new(kv);
        command.args(["serve", "--listen", "127.0.0.1:0", "--file"]).arg(file);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(", at ").next().unwrap().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        Store { process, address }
    }

    fn call(&self, kv: &Path, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(kv).args(["--at", &self.address]).args(arguments).output().unwrap();
        (output.status.code(), text(&output))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // This is `kill -9`.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_was_acknowledged_is_there_after_the_store_was_killed() {
    let (kv, folder) = (common::example("kv"), Folder::new("kv-killed"));
    let file = folder.0.join("store.log");
    let done = |text: &str| (Some(0), text.to_owned());

    let store = Store::start(&kv, &file);
    assert_eq!(store.call(&kv, &["put", "conductor", "Walter"]), done(""));
    assert_eq!(store.call(&kv, &["append", "conductor", " Damrosch"]), done("Walter\n"));
    assert_eq!(store.call(&kv, &["create", "pianist", "Ada"]), done(""));
    assert_eq!(store.call(&kv, &["delete", "pianist"]), done("Ada\n"));
    drop(store);

    let store = Store::start(&kv, &file);
    assert_eq!(store.call(&kv, &["get", "conductor"]), done("Walter Damrosch\n"));
    let (code, said) = store.call(&kv, &["get", "pianist"]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn the_exit_code_says_whether_the_call_ran() {
    let (kv, folder) = (common::example("kv"), Folder::new("kv-codes"));
    let store = Store::start(&kv, &folder.0.join("store.log"));
    assert_eq!(store.call(&kv, &["cas", "k", "1", "2"]).0, Some(1));
    assert_eq!(store.call(&kv, &["create", "k", "1"]).0, Some(0));
    let (code, said) = store.call(&kv, &["create", "k", "2"]);
    assert_eq!((code, said.as_str()), (Some(1), "kv: the value is `1`; nothing was changed\n"));
    assert_eq!(store.call(&kv, &["cas", "k", "1", "2"]).0, Some(0));
    assert_eq!(store.call(&kv, &["cas", "k"]).0, Some(2));
    let nobody = Command::new(&kv).args(["put", "k", "v", "--at", "127.0.0.1:1"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(3), "{}", text(&nobody));
    assert!(text(&nobody).contains("not executed"), "{}", text(&nobody));
}

#[tokio::test]
async fn a_damaged_log_is_not_served() {
    let (kv, folder) = (common::example("kv"), Folder::new("kv-damaged"));
    let file = folder.0.join("store.log");
    std::fs::write(&file, "no log\n").unwrap();
    let mut serve = tokio::process::Command::new(&kv);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--file"]).arg(&file).kill_on_drop(true);
    let refused = timeout(PATIENCE, serve.output()).await.expect("it serves a damaged log").unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).contains("is damaged, and was left as it is: line 1, at byte 0"),
        "{}",
        text(&refused)
    );
}
