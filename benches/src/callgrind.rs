//! Valgrind's callgrind: started, and its files read.

use crate::kept::Cell;
use carnegie_bench::Failure;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Under valgrind a program takes some fifty times as long. With time a thousand times slower, nothing that it does because time has passed
/// is done: neither batches cut short nor probes of the line, which would make no two runs alike.
const SLOW_CLOCK: &str = r#"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    long failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && clock == CLOCK_MONOTONIC) {
        long long nanos = (at->tv_sec * 1000000000LL + at->tv_nsec) / 1000;
        at->tv_sec = nanos / 1000000000LL;
        at->tv_nsec = nanos % 1000000000LL;
    }
    return (int)failed;
}
"#;

/// One side's thread.
#[derive(Default)]
pub(crate) struct Thread {
    pub(crate) total: u64,
    /// What each function took by itself.
    functions: HashMap<String, u64>,
}

pub(crate) struct Counts {
    pub(crate) client: Thread,
    pub(crate) server: Thread,
}

/// Valgrind, and the clock for it.
pub(crate) struct Tool {
    folder: PathBuf,
    clock: PathBuf,
}

impl Tool {
    pub(crate) fn find() -> Result<Self, Failure> {
        let quiet =
            |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
        if !quiet("valgrind") {
            return Err("valgrind is needed. Debian and Ubuntu: apt-get install valgrind; others: https://valgrind.org".into());
        }
        if !quiet("cc") {
            return Err("a C compiler is needed as cc. Debian and Ubuntu: apt-get install gcc".into());
        }
        let folder = std::env::temp_dir().join(format!("carnegie-callgrind-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (source, clock) = (folder.join("clock.c"), folder.join("clock.so"));
        fs::write(&source, SLOW_CLOCK)?;
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&clock).arg(&source).status()?;
        if built.success() { Ok(Self { folder, clock }) } else { Err("the clock is not compiled".into()) }
    }

    /// Counts so many calls, and what comes before them.
    pub(crate) fn count(&self, cell: Cell, calls: u64) -> Result<Counts, Failure> {
        let out = self.folder.join("out");
        let output = Command::new("valgrind")
            .args([
                "--tool=callgrind",
                "--separate-threads=yes",
                "--compress-strings=no",
                "--compress-pos=no",
            ])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(std::env::current_exe()?)
            .args(["call", &cell.to_string(), "--calls", &calls.to_string()])
            .env("LD_PRELOAD", &self.clock)
            .output()?;
        if !output.status.success() {
            return Err(format!("under callgrind: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(Counts { client: read(&out, 1)?, server: read(&out, 2)? })
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        // What stays in the folder of temporary files does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn read(out: &Path, thread: u32) -> Result<Thread, Failure> {
    let path = format!("{}-{thread:02}", out.display());
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(parse(&text))
}

/// Sums what the functions took themselves. The format: `fn=` names one, lines of a number and a count follow; the line after a
/// `calls=` is what was called, not the function itself.
fn parse(text: &str) -> Thread {
    let mut thread = Thread::default();
    let (mut function, mut called) = ("", false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if line.starts_with("calls=") {
            called = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let count = line.split_whitespace().nth(1).and_then(|count| count.parse::<u64>().ok());
            if let Some(count) = count.filter(|_| !called) {
                thread.total += count;
                *thread.functions.entry(function.to_owned()).or_default() += count;
            }
            called = false;
        }
    }
    thread
}

/// The functions that the further calls went to, dearest first.
pub(crate) fn dearest(once: &Thread, twice: &Thread, most: usize) -> Vec<(String, u64)> {
    let more = |(name, count): (&String, &u64)| {
        let before = once.functions.get(name).copied().unwrap_or(0);
        (name.clone(), count.saturating_sub(before))
    };
    let mut functions: Vec<_> = twice.functions.iter().map(more).collect();
    functions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    functions.truncate(most);
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_calls_is_not_counted_as_its_own() {
        let text =
            "version: 1\nevents: Ir\n\nfn=one\n3 10\ncfn=two\ncalls=4 7\n3 400\n4 5\n\nfn=two\n7 400\n";
        let thread = parse(text);
        assert_eq!(thread.total, 415);
        assert_eq!(thread.functions["one"], 15);
    }

    #[test]
    fn the_dearest_functions_are_those_of_the_further_calls() {
        let thread = |first, second| Thread {
            total: 0,
            functions: HashMap::from([("start".to_owned(), first), ("call".to_owned(), second)]),
        };
        assert_eq!(dearest(&thread(900, 10), &thread(900, 20), 1), [("call".to_owned(), 10)]);
    }
}
