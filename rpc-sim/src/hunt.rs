//! Bugs are switched on one at a time, and each must be found.

use indicatif::ProgressBar;
use rpc_core::mutants::{self, Mutant};
use rpc_sim::{Options, run_seeds};

/// Hunts the bugs whose names contain `wanted`, all of them if it is empty, with so many seeds each. Prints by which
/// seed and which check each was found; `true` if all were, and there
/// was one.
pub(crate) fn hunt(wanted: &str, first: u64, seeds: u64, threads: usize, options: &Options) -> bool {
    let all: Vec<Mutant> =
        Mutant::ALL.iter().copied().filter(|mutant| mutant.name().contains(wanted)).collect();
    if all.is_empty() {
        eprintln!("no bug's name contains {wanted}");
        return false;
    }
    let bar = ProgressBar::new(all.len() as u64);
    // What a bug makes panic is found by that; the panics themselves say nothing more.
    std::panic::set_hook(Box::new(|_| {}));
    let mut survivors = 0;
    for mutant in all {
        mutants::set(Some(mutant));
        let summary = run_seeds(first, seeds, threads, options, &|_, report| report.violations.is_empty());
        mutants::set(None);
        let line = match summary.failures.first() {
            Some((seed, violation)) => format!("dies at seed {seed:>4} by {}", violation.check),
            None => {
                survivors += 1;
                format!("SURVIVES {} seeds", summary.seeds)
            }
        };
        bar.suspend(|| println!("{:<22} {line:<50} {}", mutant.name(), mutant.about()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{survivors} survivors");
    survivors == 0
}
