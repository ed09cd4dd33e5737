//! What the tests rest on.

use crate::client::several_threads_call;
use crate::server::{calls_are_dropped, connections_break, leases_end};
use carnegie_concurrency::run;

#[test]
fn a_seed_means_the_same_run_each_time() {
    for body in [several_threads_call, calls_are_dropped, connections_break, leases_end] {
        let once: Vec<_> = (0..100).map(|seed| run("same", seed, 1, body)).collect();
        let mut again: Vec<_> = (0..100).rev().map(|seed| run("same", seed, 1, body)).collect();
        again.reverse();
        assert_eq!(once, again);
    }
}
