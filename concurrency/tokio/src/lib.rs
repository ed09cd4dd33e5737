//! Stands in for `tokio` where the driver runs under shuttle: tasks are shuttle's, time is virtual, and what neither schedules
//! nor waits by itself is tokio's own. Only what the driver uses is here.

pub mod mutants;
pub mod runtime;
pub mod task;
pub mod time;

#[doc(hidden)]
pub use real as __real;
pub use real::{io, join, net, pin, signal, sync, try_join};
pub use task::spawn;

/// tokio's own, which would begin at a branch that no schedule names.
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)*) => { $crate::__real::select! { biased; $($branches)* } };
    ($($branches:tt)*) => { $crate::__real::select! { biased; $($branches)* } };
}
