//! One bug at a time, for the tests of the simulator: each of them breaks a rule of at-most-once, and must be found.
//!
//! Built with the feature `mutants` only, which nothing but those tests asks for, in a target folder of their own. Without
//! it, `mutant!` is `false` and no trace of all this is left.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of the bug that is switched on, counted from one.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// A bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant { $($(#[doc = $doc])* $name),* }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$name),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Mutant::$name => stringify!($name)),* }
            }

            /// What it does.
            pub fn about(self) -> &'static str {
                match self { $(Mutant::$name => concat!($($doc),*).trim_ascii()),* }
            }
        }
    };
}

mutants! {
    /// Server: who asks for an unknown session gets a new one under its number, as if it had been there.
    UnknownSessionResumes,
    /// Server: a copy of a running call runs.
    DuplicateRuns,
    /// Server: an older number runs.
    StaleRuns,
    /// Server: a copy of a running call takes the place of those that wait.
    WaiterReplaced,
    /// Server: with one connection all waiters are forgotten.
    WaitersLost,
    /// Server: a reply is recorded only if somebody waits for it.
    RecordedWhenSent,
    /// Server: payloads are not compared.
    PayloadNotChecked,
    /// Server: a fence is promised while the call runs.
    FencedWhileRunning,
    /// Server: the fence of a number that has not come is answered, and not stored.
    FenceNotStored,
    /// Server: the fence of a number that has not come is ignored.
    FenceIgnored,
    /// Server: the fence of a number that was refused is answered, and not stored.
    VacantFenceNotStored,
    /// Server: the fact that a number was executed goes with its reply.
    NumberForgotten,
    /// Server: a copy of an idempotent call is told that it was executed.
    IdempotentRecorded,
    /// Server: a `Release` drops all replies.
    ReleaseDropsAll,
    /// Server: a panic leaves the slot running.
    PanicLeavesRunning,
    /// Server: an end is told to whatever runs in the slot.
    CompletedBySlot,
    /// Server: a number that is not the next one is misuse.
    GapsAreMisuse,
    /// Server: what differs between copies is compared too.
    DeadlineHashed,
    /// Server: what is queued when a session ends still starts.
    QueueOutlivesSession,
    /// Server: when a lease ends, the session goes on without its slots.
    LeaseForgetsSlots,
    /// Server: a lease runs while connections are attached.
    LeaseRunsAttached,
    /// Server: a lease never ends.
    LeaseNeverEnds,
    /// Server: a pause counts in full.
    PauseCounts,
    /// Server: when it drains, what runs is refused.
    DrainRefusesRunning,
    /// Server: when it drains, it waits for nobody.
    LeavesTooSoon,
    /// Server: a call whose time is over when its turn comes is refused, and its slot goes on running.
    RefusalLeavesRunning,
    /// Server: a call starts though its time is over.
    StartsLate,
    /// Server: the room for replies has no bounds.
    RoomUnbounded,
    /// Client: any refusal is a verdict.
    RefusalIsVerdict,
    /// Client: of a session that is gone nothing was executed.
    GoneIsNotExecuted,
    /// Client: what was written to a session that its own server has forgotten is written to another.
    ResentInNewSession,
    /// Client: what was written to a session that is gone is written to another, wherever that is.
    ResentElsewhere,
    /// Client: any server can settle what became of a call.
    ForeignSettles,
    /// Client: the verdict of the last attempt is that of the call.
    LastVerdictCounts,
    /// Client: a slot whose caller has given up is used again at once.
    NoQuarantine,
    /// Client: a session ends with its connection.
    NeverResumes,
    /// Client: fences are not written again when a session is resumed.
    FenceLostOnResume,
    /// Client: requests are not written again when a session is resumed.
    RequestLostOnResume,
    /// Client: the number of a refused call is used again.
    NumberReused,
    /// Client: a reply counts for whatever call is in its slot.
    RepliedBySlot,
    /// Client: what the server has not answered in part was never written.
    WrittenOnlyIfRead,
    /// Client: a server that goes away has executed nothing.
    GoAwayIsVerdict,
    /// Client: connections are never probed.
    NeverProbes,
    /// Client: a call that waits for its next attempt has no deadline.
    RetriesPastDeadline,
    /// Client: retries are not charged.
    RetriesUncharged,
    /// Client: what the server asks for is not obeyed.
    RetriesAtOnce,
}

/// Switches a bug on, and the one before off; none for the code as it is.
pub fn set(mutant: Option<Mutant>) {
    ACTIVE.store(mutant.map_or(0, |mutant| mutant as usize + 1), Ordering::SeqCst);
}

/// Whether a bug is switched on.
#[inline]
pub(crate) fn is(mutant: Mutant) -> bool {
    ACTIVE.load(Ordering::Relaxed) == mutant as usize + 1
}
