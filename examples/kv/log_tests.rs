use super::*;
use std::path::PathBuf;

/// A file of one test's own.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        let path = std::env::temp_dir().join(format!("carnegie-kv-{name}-{}.log", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Temporary(path)
    }

    fn records(&self) -> Result<Vec<Record>, String> {
        Log::open(&self.0, false).map(|(_, records)| records)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn some() -> Vec<Record> {
    vec![
        Record::Put { key: "a b".into(), value: "1\n2 \"3\"".into() },
        Record::Delete { key: "a b".into() },
        Record::Put { key: String::new(), value: "ü".into() },
    ]
}

fn written(name: &str) -> Temporary {
    let file = Temporary::new(name);
    let (mut log, none) = Log::open(&file.0, true).unwrap();
    assert_eq!(none, []);
    some().iter().for_each(|record| log.append(record).unwrap());
    file
}

#[test]
fn what_was_written_is_read_again() {
    let file = written("again");
    assert_eq!(file.records(), Ok(some()));
}

#[test]
fn a_record_that_was_torn_anywhere_is_cut_off_and_the_next_one_stands_in_its_place() {
    let file = written("torn");
    let whole = std::fs::read(&file.0).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for torn in last..whole.len() {
        std::fs::write(&file.0, &whole[..torn]).unwrap();
        let (mut log, records) = Log::open(&file.0, false).unwrap();
        assert_eq!(records, some()[..2], "torn at {torn}");
        log.append(&some()[2]).unwrap();
        drop(log);
        assert_eq!(std::fs::read(&file.0).unwrap(), whole, "torn at {torn}");
    }
}

#[test]
fn a_damaged_file_is_refused_with_the_place_and_left_as_it_is() {
    let file = written("damaged");
    let whole = std::fs::read(&file.0).unwrap();
    for place in 0..whole.len() - 1 {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        std::fs::write(&file.0, &damaged).unwrap();
        let refused = file.records().expect_err("it is damaged");
        assert!(refused.contains("is damaged, and was left as it is: line "), "byte {place}: {refused}");
        assert_eq!(std::fs::read(&file.0).unwrap(), damaged, "byte {place}");
    }
}

#[test]
fn a_file_belongs_to_one_store_at_a_time() {
    let file = written("locked");
    let (log, _) = Log::open(&file.0, false).unwrap();
    assert!(file.records().unwrap_err().ends_with("is in use by another store"));
    drop(log);
    assert_eq!(file.records(), Ok(some()));
}
