//! What the tests rest on.

use crate::client::several_threads_call;
use carnegie_concurrency::run;

#[test]
fn a_seed_means_the_same_run_each_time() {
    let once: Vec<_> = (0..50).map(|seed| run("same", seed, 1, several_threads_call)).collect();
    let again: Vec<_> = (0..50).rev().map(|seed| run("same", seed, 1, several_threads_call)).collect();
    assert_eq!(once, again.into_iter().rev().collect::<Vec<_>>());
}
