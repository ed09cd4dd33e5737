//! The example `bench` as its users have it: it measures servers in other processes, and its exit code says what came of it.

#![cfg(unix)]

mod common;

use common::Folder;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

const KEY_VALUE: &str = "examples/kv/kv.schema";

/// A server, a process of its own. Dropping it kills it.
struct Served {
    process: Child,
    address: String,
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    /// An example that prints a line that ends with its address.
    fn start(example: &str, arguments: &[&str]) -> Served {
        let mut command = Command::new(common::example(example));
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let (mut line, mut stdout) = (String::new(), BufReader::new(process.stdout.take().unwrap()));
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().rsplit(", at ").next().unwrap().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        Served { process, address, _stdout: stdout }
    }

    fn bench() -> Served {
        Served::start("bench", &["--serve", "127.0.0.1:0"])
    }

    fn store(folder: &Folder) -> Served {
        let file = folder.0.join("store.log");
        Served::start("kv", &["serve", "--listen", "127.0.0.1:0", "--file", file.to_str().unwrap()])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn bench(server: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(common::example("bench"));
    command.arg(server).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Its exit code, and what it has printed.
fn ended(output: Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat();
    (output.status.code(), text)
}

fn run(server: &str, arguments: &[&str]) -> (Option<i32>, String) {
    ended(bench(server, arguments).output().expect("it starts"))
}

/// A run without an end, and the lines that it prints meanwhile.
fn begin(server: &str, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut command = bench(server, arguments);
    let command = command.args(["--duration", "1h"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    (process, lines)
}

/// As Ctrl-C does.
fn interrupt(process: Child) -> (Option<i32>, String) {
    let id = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    ended(process.wait_with_output().unwrap())
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}`:\n{text}");
}

/// Calls that were answered, by the summary.
fn answered(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("answered  ")).unwrap_or_default();
    let number = line.split(' ').next().unwrap_or_default().replace(',', "");
    number.parse().unwrap_or_else(|e| panic!("`{number}`: {e}\n{text}"))
}

#[test]
fn a_server_is_measured_with_many_calls_in_flight_and_at_a_rate() {
    let server = Served::bench();
    let (code, text) =
        run(&server.address, &["--duration", "300ms", "--connections", "2", "--payload", "1000"]);
    assert_eq!(code, Some(0), "{text}");
    has(&text, &format!("Bench.echo at {}, 2 connections, 64 in flight each", server.address));
    has(&text, "failed    none");
    assert!(answered(&text) > 0, "{text}");

    let (code, text) = run(
        &server.address,
        &["--duration", "300ms", "--rate", "100", "--threads", "2", "--busy-poll", "50us"],
    );
    assert_eq!(code, Some(0), "{text}");
    has(&text, "one connection, 100 calls a second");
    has(&text, "Sent later than due");
}

#[test]
fn a_method_of_the_users_own_is_called_by_its_lock_file() {
    let folder = Folder::new("bench-store");
    let store = Served::store(&folder);
    let put = [
        "--lock",
        KEY_VALUE,
        "--method",
        "KeyValue.put",
        "--args",
        r#"{"key": "k{n}", "value": "Ada"}"#,
        "--duration",
        "200ms",
    ];
    let (code, text) = run(&store.address, &put);
    assert_eq!(code, Some(2), "{text}");
    has(&text, "KeyValue.put is not idempotent");
    let (code, text) = run(&store.address, &[&put[..], &["--yes"]].concat());
    assert_eq!(code, Some(0), "{text}");
    let last = format!("k{}", answered(&text) - 1);
    let get =
        Command::new(common::example("kv")).args(["--at", &store.address, "get", &last]).output().unwrap();
    assert_eq!(ended(get), (Some(0), "Ada\n".to_owned()), "{text}");

    // Idempotent, so nobody asks; and a refusal of the application is an answer.
    let (code, text) = run(
        &store.address,
        &["--lock", KEY_VALUE, "--method", "get", "--args", r#"["k0"]"#, "--duration", "200ms"],
    );
    assert_eq!(code, Some(0), "{text}");
    let refused = [
        "--lock",
        KEY_VALUE,
        "--method",
        "compare_and_set",
        "--args",
        r#"["none", "a", "b"]"#,
        "--yes",
        "--duration",
        "200ms",
    ];
    let (code, text) = run(&store.address, &refused);
    assert_eq!(code, Some(0), "{text}");
    has(&text, "refused by the application, so executed: ");
}

#[test]
fn what_cannot_be_measured_is_said_with_what_to_do() {
    let folder = Folder::new("bench-wrong");
    let store = Served::store(&folder);
    let changed = folder.0.join("changed.schema");
    let text = std::fs::read_to_string(KEY_VALUE).unwrap().replace("get(key: String)", "get(key: u64)");
    std::fs::write(&changed, text).unwrap();
    let changed = changed.to_str().unwrap();
    let cases: [(&str, &[&str], i32, &str); 7] = [
        ("127.0.0.1:1", &[], 3, "Connection refused"),
        (&store.address, &[], 3, "Add the service of examples/bench/service.rs to the server"),
        (
            &store.address,
            &["--lock", changed, "--method", "get", "--args", "[1]"],
            3,
            "u64 here, String there",
        ),
        (&store.address, &["--lock", KEY_VALUE, "--method", "gut"], 2, "its methods are get, put"),
        (
            &store.address,
            &["--lock", KEY_VALUE, "--method", "get", "--args", "[1]"],
            2,
            "key: invalid type: integer `1`",
        ),
        (&store.address, &["--lock", KEY_VALUE, "--method", "Hall.get"], 2, "describes KeyValue, not Hall"),
        (&store.address, &["--lock", "no.schema", "--method", "get"], 2, "no.schema: No such file"),
    ];
    for (server, arguments, wanted, why) in cases {
        let (code, text) = run(server, arguments);
        assert_eq!(code, Some(wanted), "{arguments:?}: {text}");
        has(&text, why);
    }
}

#[test]
fn ctrl_c_prints_the_summary_so_far() {
    let server = Served::bench();
    let (process, mut lines) = begin(&server.address, &["--rate", "200"]);
    let calling = lines.find(|line| !line.as_ref().unwrap().contains(" 0 calls/s"));
    has(&calling.unwrap().unwrap(), " calls/s, 0 failed, p50 ");
    let (code, text) = interrupt(process);
    assert_eq!(code, Some(0), "{text}");
    assert!(answered(&text) > 0, "{text}");
    has(&text, "p99.9");
}

#[test]
fn calls_that_a_server_leaves_unanswered_are_counted_by_what_became_of_them() {
    let server = Served::bench();
    let (process, mut lines) = begin(&server.address, &["--timeout", "200ms"]);
    lines.next().unwrap().unwrap();
    drop(server);
    let failing = lines.find(|line| !line.as_ref().unwrap().contains(" 0 failed"));
    assert!(failing.is_some(), "it ended by itself");
    let (code, text) = interrupt(process);
    assert_eq!(code, Some(1), "{text}");
    has(&text, "calls: not executed ");
    has(&text, ", first: Bench.echo: ");
}
