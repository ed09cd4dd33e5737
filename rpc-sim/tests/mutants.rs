//! Bugs are switched on in the engines one at a time, and the simulator finds each: otherwise its checks, or its faults, have
//! a hole. The bugs are built into a target folder of their own, so that they never reach another build.

use std::path::PathBuf;
use std::process::Command;

/// Seeds that a bug may hide from.
const SEEDS: &str = "1000";

/// The folder next to the profile's that this test was built in.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("<target>/<profile>/deps/<test>");
    profile.parent().expect("<target>/<profile>").join("mutants")
}

#[test]
fn every_mutant_dies() {
    let arguments = ["run", "--release", "--quiet", "--features", "mutants", "--target-dir"];
    let status = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .arg(target())
        // All of them: the table says by which seed and which check each was found.
        .args(["--", "--seeds", SEEDS, "--hunt"])
        .status()
        .expect("cargo starts");
    assert!(status.success(), "a bug was not found, see above");
}
