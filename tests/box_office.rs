//! The example `box_office` on a line that keeps breaking: it sells no seat twice, and would if its trait said the wrong thing.

mod common;

use common::Folder;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Of the example's list: enough for dozens of lost connections.
const ORDERS: usize = 2_000;

/// Seeds that are tried until a sale runs twice. One has sufficed whenever it was tried.
const SEEDS: u64 = 5;

/// A folder, which is where its runs put their journals too, and the orders in it.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(&format!("box_office-{name}"));
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/orders.csv");
    // Not all of it is UTF-8, on purpose.
    let all = fs::read(list).unwrap();
    let some: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').take(ORDERS + 1).collect();
    fs::write(folder.0.join("orders.csv"), some.concat()).unwrap();
    folder
}

/// Runs the example.
fn sale(folder: &Folder, arguments: &[&str]) -> Output {
    let mut command = Command::new(common::example("box_office"));
    command.args(arguments).arg("--orders").arg(folder.0.join("orders.csv"));
    command.env("TMPDIR", &folder.0).output().expect("it starts")
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
    let folder = folder("faults");
    let output = sale(&folder, &["--faults"]);
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
    let folder = folder("without-dedup");
    let condemned = (1..=SEEDS).any(|seed| {
        let output = sale(&folder, &["--without-dedup", "--seed", &seed.to_string()]);
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
