//! An at-most-once call runs once at most: over all incarnations of all servers. And none starts that never may.

use crate::journal::{End, SessionKey};
use crate::world::World;
use rpc_core::{Execution, SlotId};

impl World {
    /// A handler is entered.
    pub(crate) fn check_start(&mut self, tag: u32, key: &SessionKey, at: SlotId, idempotent: bool) {
        self.journal.executed += 1;
        let place = format!("{key} {}-{}", at.slot, at.sequence);
        match self.journal.ids.get_mut(&(*key, at)) {
            Some(id) => id.starts += 1,
            None => {
                return self.violate(
                    "no-execution-from-nowhere",
                    format!("call {tag} starts as {place}, never written"),
                );
            }
        }
        let Some(call) = self.journal.call(tag) else {
            return self.violate("no-execution-from-nowhere", format!("{place} is no call"));
        };
        call.starts += 1;
        let (starts, settled, end, error) = (call.starts, call.settled, call.end, call.error.clone());
        if idempotent != call.idempotent {
            self.violate("at-most-once", format!("call {tag} runs as if it were idempotent: {place}"));
        } else if !idempotent && starts > 1 {
            self.violate("at-most-once", format!("call {tag} starts for the {starts}. time: {place}"));
        } else if let Some(since) = settled {
            self.violate("settled", format!("call {tag} starts as {place}, settled since {since:?}"));
        } else if let Some((when, End::Failed(Execution::NotExecuted))) = end {
            let what =
                format!("call {tag} starts as {place}, but ended as not executed at {when:?}: {error}");
            self.violate("not-executed", what);
        }
    }
}
