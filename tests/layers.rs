//! Which crate may use which: the arrows of ARCHITECTURE.md, held to `cargo metadata`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every dependency that a crate may have outside of its tests. A new one is a decision: it goes into `docs/decisions/`.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "carnegie",
        &["carnegie-core", "carnegie-macros", "carnegie-testing", "carnegie-transport", "thiserror"],
    ),
    ("carnegie-core", &["bincode", "bytes", "crc-fast", "postcard", "serde", "thiserror", "xxhash-rust"]),
    ("carnegie-macros", &["proc-macro2", "quote", "syn"]),
    ("carnegie-testing", &["rand_chacha", "tokio"]),
    ("carnegie-transport", &["bytes", "carnegie-core", "getrandom", "serde", "socket2", "tokio", "tracing"]),
    ("rpc-sim", &["carnegie-core", "clap", "indicatif", "rand_chacha", "xxhash-rust"]),
];

/// The most crates that a user of the default features builds besides ours.
const TREE_MAX: usize = 35;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"]))
        .expect("it is JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|one| one["kind"].is_null()).map(|one| text(&one["name"])).collect()
    };
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(|package| (text(&package["name"]), of(package))).collect()
}

#[test]
fn every_crate_uses_only_what_its_layer_allows() {
    let found = dependencies();
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ALLOWED.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "a crate without a line here"
    );
    for (name, allowed) in ALLOWED {
        for dependency in &found[*name] {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_default_tree_stays_small() {
    let tree = cargo(&["tree", "-p", "carnegie", "-e", "normal", "--prefix", "none", "--format", "{p}"]);
    let crates: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.starts_with("carnegie"))
        .collect();
    assert!(crates.len() <= TREE_MAX, "{} crates: {crates:?}", crates.len());
}
