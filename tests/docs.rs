//! The documents name tests, files, sources and rows of the simulator: all of these exist.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Where tests are: of two files of one name, either may hold the test.
const TESTS: [&str; 8] = [
    "tests/it",
    "tests/gates",
    "tests",
    "rpc-core/tests",
    "rpc-transport/tests",
    "rpc-transport/src",
    "rpc-sim/tests",
    "rpc-sim/src",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whatever a document sets in `code`.
fn code(document: &str) -> impl Iterator<Item = &str> {
    document.split('`').skip(1).step_by(2)
}

/// The tests that a document names: all of the form `` `file::name` ``.
fn named(document: &str) -> BTreeSet<(String, String)> {
    let tests = code(document).filter_map(|part| part.split_once("::"));
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let words = tests.filter(|(file, name)| is_word(file) && is_word(name));
    words.map(|(file, name)| (file.to_owned(), name.to_owned())).collect()
}

/// The files that a document names: `` `examples/hello.rs` `` from the root, `[a link](../to.md)` from its own folder.
fn files(document: &str, folder: &str) -> BTreeSet<PathBuf> {
    let is_file = |part: &&str| part.contains('/') && part.ends_with(".rs") && !part.contains(' ');
    let in_code = code(document).filter(is_file).map(PathBuf::from);
    let links = document.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let here = links.filter(|link| !link.is_empty() && !link.contains("://"));
    in_code.chain(here.map(|link| Path::new(folder).join(link))).collect()
}

/// What is wrong with a test that a document names.
fn fault(file: &str, name: &str, folders: &[&str]) -> Option<String> {
    // Random tests have parameters.
    let begin = format!("fn {name}(");
    for folder in folders {
        let Ok(source) = read_to_string(root().join(format!("{folder}/{file}.rs"))) else { continue };
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let at = lines.iter().position(|line| line.trim_start_matches("async ").starts_with(&begin));
        let Some(at) = at else { continue };
        let is_test = at > 0 && lines[at - 1].contains("test");
        return (!is_test).then(|| format!("{folder}/{file}.rs: {name} is no test"));
    }
    Some(format!("no {file}.rs in {} has {begin}..)", folders.join(", ")))
}

/// The rows of all tables, without their heads.
fn rows(document: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = document.lines().collect();
    let rule = |at: usize| lines.get(at).is_some_and(|line| line.starts_with("|---"));
    let is_row = |at: &usize| lines[*at].starts_with('|') && !rule(*at) && !rule(*at + 1);
    let rows: Vec<&str> = (0..lines.len()).filter(is_row).map(|at| lines[at]).collect();
    rows.into_iter()
}

#[test]
fn every_row_of_the_versions_names_a_test_that_exists() {
    let document = read("docs/versions.md");
    for row in rows(&document) {
        assert!(!named(row).is_empty(), "this row names no test: {row}");
    }
    let faults: Vec<String> =
        named(&document).iter().filter_map(|(file, name)| fault(file, name, &["tests/it"])).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_test_and_file_that_the_documents_name_exists() {
    let mut faults = Vec::new();
    let pages = [
        ("ARCHITECTURE.md", ""),
        ("docs/failures.md", "docs"),
        ("docs/overload.md", "docs"),
        ("docs/semantics.md", "docs"),
        ("docs/testing.md", "docs"),
        ("README.md", ""),
        ("SECURITY.md", ""),
    ];
    for (page, folder) in pages {
        let document = read(page);
        faults.extend(named(&document).iter().filter_map(|(file, name)| fault(file, name, &TESTS)));
        let gone = files(&document, folder).into_iter().filter(|file| !root().join(file).exists());
        faults.extend(gone.map(|file| format!("{page}: there is no {}", file.display())));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The parts of each entry, in their order.
const PARTS: [&str; 4] =
    ["\n- **How often.** ", "\n- **Carnegie.** ", "\n- **Left to you.** ", "\n- **Shown by** "];

#[test]
fn every_failure_says_how_often_it_is_what_is_done_what_is_left_and_what_shows_it() {
    let document = read("docs/failures.md");
    let entries: Vec<&str> = document.split("\n### ").skip(1).collect();
    // Seven kinds of failure, five cases of remote calls (a crash before and after the execution look alike), eight fallacies.
    assert_eq!(entries.len(), 7 + 5 + 8);
    for entry in entries {
        let entry = entry.split("\n## ").next().unwrap_or_default();
        let title = entry.lines().next().unwrap_or_default();
        let at: Vec<Option<usize>> = PARTS.iter().map(|part| entry.find(part)).collect();
        assert!(at.is_sorted() && at.iter().all(Option::is_some), "{title}: parts at {at:?}");
        let shown = &entry[at[3].unwrap_or_default()..];
        assert!(!named(shown).is_empty() || !files(shown, "docs").is_empty(), "{title}: nothing shows it");
    }
}

#[test]
fn every_source_of_the_failures_is_cited_and_every_citation_has_a_source() {
    let document = read("docs/failures.md");
    let (text, sources) = document.split_once("\n## Sources\n").expect("a list of sources");
    let brackets = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    let cited: BTreeSet<usize> = brackets.filter_map(|(inside, _)| inside.parse().ok()).collect();
    let numbers = sources.lines().filter_map(|line| line.split_once(". "));
    let listed: BTreeSet<usize> = numbers.filter_map(|(number, _)| number.parse().ok()).collect();
    assert_eq!(cited, listed);
}

/// The rows of the failure table: what stands in code in a row's first cell.
fn table() -> Vec<(String, String)> {
    let document = read("docs/semantics.md");
    let table = document.split("\n## The failure table\n").nth(1).expect("the table");
    let table = table.split("\n## ").next().unwrap_or_default();
    let id = |row: &str| row.split('|').nth(1).and_then(|cell| code(cell).next()).map(str::to_owned);
    rows(table).map(|row| (id(row).unwrap_or_else(|| panic!("no id: {row}")), row.to_owned())).collect()
}

#[test]
fn every_row_of_the_failure_table_names_a_test() {
    let all = table();
    let without = all.iter().filter(|(_, row)| named(row).is_empty()).map(|(id, _)| id.as_str());
    assert_eq!(without.collect::<Vec<_>>(), [""; 0]);
}

/// The rows that the simulator counts, as its source names them: `Replayed = "replayed",`.
fn counted(source: &str) -> BTreeSet<&str> {
    let rows = source.split("\n    Row:\n").nth(1).and_then(|rows| rows.split("\n}\n").next());
    let names = rows.expect("the list of rows").lines().filter_map(|line| line.split_once(" = \""));
    names.filter_map(|(_, name)| name.split('"').next()).collect()
}

#[test]
fn the_rows_of_the_failure_table_are_those_that_the_simulator_counts() {
    let table: Vec<String> = table().into_iter().map(|(id, _)| id).collect();
    let distinct: BTreeSet<&str> = table.iter().map(String::as_str).collect();
    assert_eq!(distinct.len(), table.len(), "a row stands twice: {table:?}");
    assert_eq!(distinct, counted(&read("rpc-sim/src/coverage.rs")));
}
