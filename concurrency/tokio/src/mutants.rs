//! Errors in the driver that can be switched on, one in a run.

use std::cell::Cell;

thread_local! { static ON: Cell<Option<&'static str>> = const { Cell::new(None) } }

/// Whether this one is on.
pub fn is(name: &str) -> bool {
    ON.get() == Some(name)
}

/// Switches it on until the run ends.
pub fn switch_on(name: &'static str) {
    ON.set(Some(name));
}

/// A run begins.
pub(crate) fn begin() {
    ON.set(None);
}
