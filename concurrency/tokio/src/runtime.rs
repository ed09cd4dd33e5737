//! The runtime: there is one in each run, and it can end.

use crate::task::{AbortHandle, Exact, JoinHandle};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;

/// The tasks of a run, in the order in which they were started.
#[derive(Default)]
struct Tasks {
    all: Vec<AbortHandle>,
    ended: bool,
}

thread_local! { static TASKS: RefCell<Tasks> = RefCell::default() }

/// A run begins.
pub(crate) fn begin() {
    TASKS.take();
}

pub(crate) fn started(task: AbortHandle) {
    let late = TASKS.with_borrow_mut(|tasks| {
        tasks.all.push(task.clone());
        tasks.ended
    });
    if late {
        task.abort();
    }
}

/// The runtime ends, with all of its tasks. Returns when they are gone.
pub fn end() {
    TASKS.with_borrow_mut(|tasks| tasks.ended = true);
    let mut index = 0;
    while let Some(task) = TASKS.with_borrow(|tasks| tasks.all.get(index).cloned()) {
        task.abort();
        index += 1;
    }
    while TASKS.with_borrow(|tasks| tasks.all.iter().any(|task| !task.is_finished())) {
        shuttle::thread::yield_now();
    }
}

/// Who has it can start tasks.
#[derive(Clone, Debug)]
pub struct Handle(());

/// There is no runtime any more.
#[derive(Debug)]
pub struct TryCurrentError(());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime has ended")
    }
}

impl std::error::Error for TryCurrentError {}

impl Handle {
    /// The runtime.
    pub fn current() -> Self {
        Self(())
    }

    /// The runtime, unless it has ended.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        let runs =
            !TASKS.with_borrow(|tasks| tasks.ended) && shuttle::current::try_get_current_task().is_some();
        if runs { Ok(Self(())) } else { Err(TryCurrentError(())) }
    }

    /// A task of its own.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        crate::spawn(future)
    }

    /// Waits for a future, on a thread or in a task that may block.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on(future)
    }
}

/// Waits for a future, on a thread or in a task that may block.
pub fn block_on<F: Future>(future: F) -> F::Output {
    shuttle::future::block_on(Exact::new(future))
}
