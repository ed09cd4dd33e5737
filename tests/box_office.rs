//! The example `box_office` on a line that keeps breaking: it sells no seat twice, and would if its trait said the wrong thing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Of the example's list: enough for dozens of lost connections.
const ORDERS: usize = 2_000;

/// Seeds that are tried until a sale runs twice. One has sufficed whenever it was tried.
const SEEDS: u64 = 5;

/// A folder of one test's own, which is where its runs put their journals too.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("box_office-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        // Not all of it is UTF-8, on purpose.
        let all = fs::read(root().join("examples/orders.csv")).unwrap();
        let some: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').take(ORDERS + 1).collect();
        fs::write(path.join("orders.csv"), some.concat()).unwrap();
        Folder(path)
    }

    /// Runs the example, which cargo has built with these tests or builds now.
    fn run(&self, arguments: &[&str]) -> Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--example", "box_office", "--target-dir"]).arg(target);
        cargo.args((!cfg!(debug_assertions)).then_some("--release"));
        cargo.arg("--").args(arguments).arg("--orders").arg(self.0.join("orders.csv"));
        // What cargo says of the package to its tests would have build scripts run again that look at it.
        for (name, _) in std::env::vars_os() {
            let said = name
                .to_str()
                .is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_"));
            if said {
                cargo.env_remove(name);
            }
        }
        cargo.current_dir(root()).env("TMPDIR", &self.0).output().expect("cargo starts")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What it has printed, for people and for errors.
fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn number(text: &str, of: impl Fn(&str) -> Option<&str>) -> u64 {
    let word = text.lines().find_map(of).unwrap_or_else(|| panic!("the number is not there:\n{text}"));
    word.parse().unwrap_or_else(|e| panic!("{word}: {e}\n{text}"))
}

/// The table's second column.
fn of_office(text: &str, what: &str) -> u64 {
    number(text, |line| line.strip_prefix(what)?.split_whitespace().nth(1))
}

#[test]
fn every_order_is_served_once_while_connections_break_all_the_time() {
    let folder = Folder::new("faults");
    let output = folder.run(&["--faults"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("no order failed"), "{text}");
    assert!(text.contains("no order twice, no seat twice, every answer true"), "{text}");
    let faults = number(&text, |line| line.split_once(" faults on ").map(|(number, _)| number));
    assert!(faults > 0, "{text}");
    assert!(of_office(&text, "resumed") > 0, "{text}");
    assert!(of_office(&text, "replayed") + of_office(&text, "attached") > 0, "{text}");
}

#[test]
fn without_deduplication_the_judge_condemns_the_same_sale() {
    let folder = Folder::new("without-dedup");
    let condemned = (1..=SEEDS).any(|seed| {
        let output = folder.run(&["--without-dedup", "--seed", &seed.to_string()]);
        let text = text(&output);
        match output.status.code() {
            Some(0) => return false,
            Some(1) => {}
            code => panic!("seed {seed} ended with {code:?}:\n{text}"),
        }
        assert!(text.contains("CONDEMNED") && text.contains("was executed twice"), "seed {seed}:\n{text}");
        assert!(text.contains("This run's trait calls `sell` idempotent"), "seed {seed}:\n{text}");
        true
    });
    assert!(
        condemned,
        "no sale ran twice with the seeds 1 to {SEEDS}: the faults are too few, or the judge is blind"
    );
}
