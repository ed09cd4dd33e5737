//! Two thousand worlds of a thousand calls: nothing that must not be, and everything met that must be met.

use rpc_sim::{MET, MET_IN, Options, run_seeds};

const SEEDS: u64 = MET_IN;

/// The first seed: fixed, unless other ones are asked for.
fn first() -> u64 {
    std::env::var("CARNEGIE_SEEDS").ok().and_then(|first| first.parse().ok()).unwrap_or(0)
}

#[test]
fn no_promise_is_broken_in_two_thousand_worlds() {
    let summary =
        run_seeds(first(), SEEDS, 2, &Options::default(), &|_, report| report.violations.is_empty());
    for (seed, violation) in &summary.failures {
        println!("seed {seed}: {violation}");
        println!("    cargo run --release -p rpc-sim -- --seed {seed} --trace");
    }
    assert_eq!(summary.violated, 0, "promises were broken: see above");
    assert_eq!(summary.seeds, SEEDS);
    assert_eq!(
        summary.coverage.rare(MET),
        [""; 0],
        "met less than {MET} times: the simulator misses something"
    );
}
