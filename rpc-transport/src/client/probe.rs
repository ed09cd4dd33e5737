//! What the tests under shuttle ask a channel.

use crate::channel::Channel;

/// What a channel holds for its users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Calls whose futures have not taken their end.
    pub calls: usize,
    /// Stubs, and futures that wait to become one.
    pub users: usize,
    /// Calls that somebody wants to hear the outcome of.
    pub resolving: usize,
    /// Slots whose calls have not ended, or not for certain.
    pub slots: usize,
}

impl Channel {
    /// What the channel holds now.
    pub fn held(&self) -> Held {
        let state = self.shared().lock();
        Held {
            calls: state.engine.calls_len(),
            users: state.bindings.len(),
            resolving: state.resolving.len(),
            slots: state.engine.slots_in_use(),
        }
    }
}
