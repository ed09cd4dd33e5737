//! A server that stops in an orderly way, with nothing else going wrong, leaves no call unknown.

use crate::coverage::Fault;
use crate::world::World;
use rpc_core::Error;

/// What may happen beside a drain without a connection being lost or held up.
const CALM: &[Fault] = &[
    Fault::Drain,
    Fault::Panic,
    Fault::SlowHandler,
    Fault::Queue,
    Fault::NotStarted,
    Fault::Dropped,
    Fault::Forgetful,
];

impl World {
    /// A call ends as unknown now.
    pub(crate) fn check_drain(&mut self, tag: u32, error: &Error) {
        let calm = self.plan.faults.iter().all(|fault| CALM.contains(fault));
        let Some(call) = self.journal.calls.get(tag as usize).filter(|_| calm) else { return };
        let Some((key, _)) = call.ids.last() else { return };
        let lost = matches!(error, Error::ConnectionLost { .. });
        if lost && self.left_in_peace.contains(&(key.server, key.incarnation)) {
            let what = format!("call {tag}, written to {key}, which had left in peace: {error}");
            self.violate("drain-loses-nothing", what);
        }
    }
}
