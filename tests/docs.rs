//! The documents name tests: these tests exist.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

/// The tests that a document names: all of the form `` `file::name` ``.
fn named(document: &str) -> BTreeSet<(String, String)> {
    let parts = document.split('`').skip(1).step_by(2);
    let tests = parts.filter_map(|part| part.split_once("::"));
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let words = tests.filter(|(file, name)| is_word(file) && is_word(name));
    words.map(|(file, name)| (file.to_owned(), name.to_owned())).collect()
}

#[test]
fn every_row_of_the_versions_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = read_to_string(root.join("docs/versions.md")).unwrap();
    for row in document.lines().filter(|line| line.starts_with('|')) {
        let head = row.starts_with("| change |") || row.starts_with("|---");
        assert!(head || !named(row).is_empty(), "this row names no test: {row}");
    }
    for (file, name) in named(&document) {
        let source = read_to_string(root.join(format!("tests/it/{file}.rs"))).unwrap_or_default();
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let begin = format!("fn {name}()");
        let at = lines.iter().position(|line| line.trim_start_matches("async ").starts_with(&begin));
        let at = at.unwrap_or_else(|| panic!("tests/it/{file}.rs has no {begin}"));
        assert!(at > 0 && lines[at - 1].contains("test"), "{file}::{name} is no test");
    }
}
