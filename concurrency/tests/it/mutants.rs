//! Wake-ups that are lost on purpose: each is found.

use crate::client::{a_call_moves, several_threads_call};
use crate::server::{a_server_closes_under_a_handler, handlers_end_together};
use carnegie_concurrency::finds;
use tokio::mutants::switch_on;

#[test]
fn a_driver_that_is_called_only_after_it_has_looked() {
    let found = finds("mutant", || {
        switch_on("the driver is called only after it has looked");
        several_threads_call();
    });
    println!("found after {found:?} schedules");
    assert!(found.is_some());
}

#[test]
fn a_call_that_has_moved_and_wakes_its_former_task() {
    let found = finds("mutant", || {
        switch_on("a call that has moved wakes its former task");
        a_call_moves();
    });
    println!("found after {found:?} schedules");
    assert!(found.is_some());
}

#[test]
fn a_connection_that_is_called_only_after_its_turn() {
    let found = finds("mutant", || {
        switch_on("a connection is called only after its turn");
        handlers_end_together();
    });
    println!("found after {found:?} schedules");
    assert!(found.is_some());
}

#[test]
fn a_cancel_that_overtakes_the_insertion_of_a_handler_and_is_forgotten() {
    let found = finds("mutant", || {
        switch_on("what overtakes the insertion of a handler is forgotten");
        a_server_closes_under_a_handler();
    });
    println!("found after {found:?} schedules");
    assert!(found.is_some());
}
