//! What a caller was told is true: a result means once, not executed means never, executed means once.

use crate::journal::{Call, End};
use crate::world::World;
use rpc_core::Execution;

impl World {
    /// A call has ended, or everything is at rest: is what its caller was told what has happened?
    pub(crate) fn check_end(&mut self, tag: u32) {
        let Some(call) = self.journal.calls.get(tag as usize) else { return };
        let Some((_, end)) = call.end else { return };
        let broken = match end {
            End::Result { .. } => executed(call).map(|what| ("result-means-once", what)),
            End::Failed(Execution::Executed) => executed(call).map(|what| ("executed-means-once", what)),
            End::Failed(Execution::NotExecuted) if call.starts > 0 => {
                Some(("not-executed", format!("it was started {} times", call.starts)))
            }
            End::Failed(_) => None,
        };
        if let Some((check, what)) = broken {
            let what = format!("call {tag} ended with {end:?} {}: {what}", call.error);
            self.violate(check, what);
        }
    }
}

/// What speaks against a call's having been executed, exactly once if it is not idempotent.
fn executed(call: &Call) -> Option<String> {
    let Call { starts, ends, idempotent, .. } = call;
    let right = if *idempotent { *ends >= 1 } else { *ends == 1 && *starts == 1 };
    (!right).then(|| format!("it was started {starts} times and came to an end {ends} times"))
}
