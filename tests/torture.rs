//! A minute of torture: servers that are killed, stopped and drained behind lines that break lose nothing and do nothing twice.

#![cfg(unix)]

mod common;

use common::Folder;
use std::process::Command;

/// Seeds that are tried until a mistake shows. One has sufficed whenever it was tried.
const SEEDS: u64 = 3;

/// Runs the example. Its exit code, and what it has printed.
fn torture(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(common::example("torture"));
    let output = command.args(arguments).env("TMPDIR", &folder.0).output().expect("it starts");
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.code(), text)
}

/// The number that stands before these words.
fn number(text: &str, words: &str) -> u64 {
    let before = text.split_once(words).unwrap_or_else(|| panic!("nothing about `{words}`:\n{text}")).0;
    let number = before.rsplit(' ').next().unwrap_or_default();
    number.parse().unwrap_or_else(|e| panic!("`{number}` before `{words}`: {e}\n{text}"))
}

/// A row of the report's table: of the offices, of the store.
fn row(text: &str, name: &str) -> [u64; 2] {
    let row =
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}:\n{text}"));
    let mut numbers = row.split_whitespace().map(|number| number.parse().expect("a number"));
    [numbers.next().expect("of the offices"), numbers.next().expect("of the store")]
}

#[test]
fn a_minute_of_torture_loses_nothing_and_does_nothing_twice() {
    let folder = Folder::new("torture-minute");
    // The seed is drawn, and printed.
    let (code, text) = torture(&folder, &["--minutes", "1"]);
    assert_eq!(code, Some(0), "{text}");
    println!("{text}");
    for trouble in [" kills", " stops", " drains", " cut,", " corrupted", " replayed", " black-holed"] {
        assert!(number(&text, trouble) > 0, "no{trouble}:\n{text}");
    }
    assert!(row(&text, "  acknowledged").iter().all(|acknowledged| *acknowledged > 0), "{text}");
    assert_eq!(number(&text, " acknowledged ones lost"), 0, "{text}");
    assert_eq!(number(&text, " doubled,"), 0, "{text}");
    assert!(number(&text, " operations of the store") > 0, "{text}");
    assert_eq!(number(&text, " of which are not linearizable"), 0, "{text}");
}

/// With one of the seeds this mistake is seen, and called what it is.
fn is_condemned(mistake: &str, as_what: &str) {
    let folder = Folder::new(&format!("torture{mistake}"));
    let seen = (1..=SEEDS).any(|seed| {
        let (code, text) = torture(&folder, &["--minutes", "0.1", mistake, "--seed", &seed.to_string()]);
        assert!(matches!(code, Some(0 | 1)), "seed {seed} ended with {code:?}:\n{text}");
        assert!(
            code == Some(0) || text.contains("CONDEMNED") && text.contains(as_what),
            "seed {seed}:\n{text}"
        );
        code == Some(1)
    });
    assert!(seen, "{mistake} was not seen: the troubles are too few, or the judges are blind");
}

#[test]
fn without_deduplication_the_judge_condemns_it() {
    is_condemned("--without-dedup", "was executed twice");
}

#[test]
fn with_stale_reads_the_checker_condemns_it() {
    is_condemned("--stale-reads", "no order of these calls gives the last answer");
}
