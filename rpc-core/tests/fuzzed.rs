//! The inputs of the fuzzer that are kept, done again without it: its corpus (`fuzz/corpus`), and whatever was found
//! (`tests/fuzzed`, in files `<target>-<what it was>`), in the engines or in what is checked of them.

use fuzz_targets::{ALL, Target};
use std::path::{Path, PathBuf};

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn again(target: &Target, file: &Path) {
    let input = std::fs::read(file).expect("an input");
    let panic = std::panic::catch_unwind(|| (target.run)(&input));
    assert!(panic.is_ok(), "{}: {} does not hold", file.display(), target.name);
}

fn corpus_of(name: &str) {
    let target = ALL.iter().find(|target| target.name == name).expect("a target");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files = inputs(&folder);
    assert!(files.len() > 50, "the corpus of {name} is not there");
    files.iter().for_each(|file| again(target, file));
}

macro_rules! corpora {
    ($($test:ident: $target:ident),* $(,)?) => {
        $( #[test] fn $test() { corpus_of(stringify!($target)) } )*

        #[test]
        fn every_target_has_its_corpus() {
            assert_eq!(ALL.iter().map(|target| target.name).collect::<Vec<_>>(), [$(stringify!($target)),*]);
        }
    };
}

corpora! {
    the_corpus_of_frames_holds: frame,
    the_corpus_of_values_holds: codec,
    the_corpus_of_structures_holds: schema,
    the_corpus_of_the_client_holds: client_engine,
    the_corpus_of_the_server_holds: server_engine,
    the_corpus_of_the_two_engines_holds: engines,
}

#[test]
fn what_the_fuzzer_found_does_not_come_back() {
    for file in inputs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed")) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let target = ALL.iter().find(|target| name.starts_with(&format!("{}-", target.name)));
        again(target.unwrap_or_else(|| panic!("{name} names no target")), &file);
    }
}

/// Where it is, of a file whose path may begin at the root of the workspace: tests run in their package's folder.
fn found(file: &str) -> PathBuf {
    let of_workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    if of_workspace.exists() { of_workspace } else { file.into() }
}

/// `CARNEGIE_FUZZ=<target>:<file> cargo test -p carnegie-core --test fuzzed one_input -- --ignored` tells what comes of one input.
#[test]
#[ignore = "asked for one input by CARNEGIE_FUZZ=<target>:<file>"]
fn one_input_that_was_asked_for_holds() {
    let asked = std::env::var("CARNEGIE_FUZZ").expect("CARNEGIE_FUZZ=<target>:<file>");
    let (name, file) = asked.split_once(':').expect("<target>:<file>");
    let target = ALL.iter().find(|target| target.name == name).expect("a target");
    again(target, &found(file));
}
