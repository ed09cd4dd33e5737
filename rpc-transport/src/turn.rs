//! How long a task goes on before the others of its thread have their turn.

use std::future::Future;
use std::pin::pin;
use std::task::Context;

/// Bytes, read and written in one turn of a task's loop, after which it gives way before its last one. Large messages would keep
/// a connection's task going for as long as they last, since each turn of one side gives the other something to do: for all that time
/// no small call of the thread begins, and the runtime, which looks for what has come after 61 tasks at the latest, does not look.
pub(crate) const MOVED_MAX: usize = 128 << 10;

/// Has the task called again behind the others of its thread, and after the runtime has looked for what has come.
pub(crate) fn give_way(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}
