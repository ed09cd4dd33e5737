//! What a run has really met: kinds of fault that hit something, rows of the failure table that were gone through.

use std::ops::AddAssign;

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident: $($(#[$about:meta])* $kind:ident = $text:literal),* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$about])* $kind),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$kind),*];

            /// How reports and traces name it.
            pub fn name(self) -> &'static str {
                match self { $($name::$kind => $text),* }
            }
        }
    };
}

counted! {
    /// A kind of fault. Each run draws which of them it may meet.
    Fault:
    /// A connection is reset, and both ends notice.
    Cut = "cut",
    /// A connection is reset, and one end does not notice.
    HalfOpen = "half-open",
    /// The client gives a connection up, and what it wrote before arrives later.
    Late = "late bytes",
    /// What is written on a connection vanishes, in one direction or both.
    BlackHole = "black hole",
    /// Nothing gets from one host to another for a while, in either direction.
    Partition = "partition",
    /// The same in one direction.
    OneWay = "one-way partition",
    /// A byte is changed on its way.
    Corruption = "corruption",
    /// A frame that was delivered is delivered again.
    Duplicate = "duplicate",
    /// A client breaks the rules: a request comes again with another payload, or a fence comes while an earlier call runs.
    Forgery = "forgery",
    /// Dials are refused.
    Refused = "dial refused",
    /// Dials hang until they are given up.
    Hanging = "dial hangs",
    /// An address leads to another server than before.
    Elsewhere = "balancer",
    /// Dials take long, and what is said first does too.
    Slow = "slow dial",
    /// A server dies with everything that it knows, and another one starts in its place.
    Crash = "crash",
    /// A server stops in an orderly way, and another one starts in its place.
    Drain = "drain",
    /// A host stands still for a while.
    Pause = "pause",
    /// A host's clock jumps forward, or changes its rate.
    Clock = "clock",
    /// A reader takes nothing for a while, so that its writer cannot write.
    Full = "full pipe",
    /// A handler panics.
    Panic = "panic",
    /// A handler takes longer than its callers wait.
    SlowHandler = "slow handler",
    /// A request waits long for its handler's turn.
    Queue = "slow queue",
    /// A handler is refused before it is entered.
    NotStarted = "not started",
    /// The future of a call is dropped.
    Dropped = "dropped future",
    /// Little room for replies: they are forgotten early.
    Forgetful = "little room",
    /// A server takes few sessions only.
    Crowded = "few sessions",
    /// A server runs few handlers at a time, and lets few requests wait.
    NoPlace = "few places",
}

counted! {
    /// A row of the failure table in `docs/semantics.md`.
    Row:
    /// A request was never written, and the call went on to another connection.
    NeverWritten = "never-written",
    /// A request was written and lost before the server read it, and sent again.
    LostBeforeRead = "lost-before-read",
    /// The connection was lost while the call ran, and a copy waited for the same execution.
    Attached = "attached",
    /// The reply was lost, and a copy got it again.
    Replayed = "replayed",
    /// A copy came after a later call had taken its slot.
    LateCopy = "late-copy",
    /// Refused before it started, and tried again.
    Refused = "refused",
    /// One copy was refused while another might be under way: the call was fenced first.
    RefusedCopy = "refused-copy",
    /// There was no connection, and the call did not wait for one.
    FailFast = "fail-fast",
    /// The deadline passed before the request was written.
    DeadlineUnsent = "deadline-unsent",
    /// The deadline passed, and the fence was first: the call never runs.
    DeadlineFenced = "deadline-fenced",
    /// The deadline passed, and the call had run.
    DeadlineExecuted = "deadline-executed",
    /// The caller went away, and the fence was answered.
    DroppedFuture = "dropped-future",
    /// The fence found an earlier call still running in the slot, and was told so. No legal client does that.
    FenceBusy = "fence-busy",
    /// The call was executed, but its reply was not kept.
    ReplyEvicted = "reply-evicted",
    /// The session's lease ended.
    LeaseEnded = "lease-ended",
    /// The server was gone with everything it knew: written calls end as unknown, unsettled.
    ServerRestarted = "server-restarted",
    /// An idempotent call went on in another session.
    IdempotentMoved = "idempotent-moved",
    /// A handler panicked, and its caller was told.
    Panic = "panic",
    /// The call's time was over before its turn came.
    LateInQueue = "late-in-queue",
    /// A draining server sent its clients away.
    Drained = "drained",
    /// New calls went to another server while older ones waited for their own.
    FailedOver = "failed-over",
    /// A connection that looked open was found dead by a probe, and resumed.
    HalfOpen = "half-open",
    /// A changed byte ended a connection, and the session was resumed.
    Corrupted = "corrupted",
    /// A call waited because all slots were taken.
    SlotsFull = "slots-full",
    /// A call was not tried again because the budget for that was spent.
    BudgetSpent = "budget-spent",
    /// The same id came with another payload. No legal client does that.
    Misuse = "misuse",
    /// A server said when to come again, and that was obeyed.
    RetryAfter = "retry-after",
}

/// Each kind of fault, and each row of the failure table, is met so often at least in [`MET_IN`] seeds.
pub const MET: u64 = 20;
/// In fewer seeds than this, something may be missed by chance.
pub const MET_IN: u64 = 2000;

/// How often each was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    faults: [u64; Fault::ALL.len()],
    rows: [u64; Row::ALL.len()],
}

impl Default for Coverage {
    fn default() -> Self {
        Self { faults: [0; Fault::ALL.len()], rows: [0; Row::ALL.len()] }
    }
}

impl Coverage {
    pub(crate) fn hit(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    pub(crate) fn met(&mut self, row: Row) {
        self.rows[row as usize] += 1;
    }

    /// How often a kind of fault hit something.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// How often a row was gone through.
    pub fn row(&self, row: Row) -> u64 {
        self.rows[row as usize]
    }

    /// All that was met less often than `least`, by name.
    pub fn rare(&self, least: u64) -> Vec<&'static str> {
        let faults = Fault::ALL.iter().filter(|fault| self.fault(**fault) < least).map(|fault| fault.name());
        let rows = Row::ALL.iter().filter(|row| self.row(**row) < least);
        faults.chain(rows.map(|row| row.name())).collect()
    }
}

impl AddAssign<&Coverage> for Coverage {
    fn add_assign(&mut self, other: &Coverage) {
        let faults = self.faults.iter_mut().zip(other.faults);
        let rows = self.rows.iter_mut().zip(other.rows);
        faults.chain(rows).for_each(|(sum, more)| *sum += more);
    }
}
