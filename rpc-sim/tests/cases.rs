//! Worlds that once broke a promise, kept as what was decided in them: a seed means something else after the next change.

use rpc_sim::{Decisions, Options, Record, run};
use std::fs;
use std::path::Path;

#[test]
fn no_case_that_was_found_once_breaks_a_promise_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the folder of the cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "case") {
            continue;
        }
        cases += 1;
        let text = fs::read_to_string(&path).expect("a case");
        let record = Record::from_text(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let report = run(Decisions::replay(record), &Options::default());
        assert_eq!(report.violations, [], "cargo run -p rpc-sim -- --replay {} --trace", path.display());
    }
    assert!(cases > 0, "no case in {}", folder.display());
}
