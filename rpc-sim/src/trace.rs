//! What has happened, in order: as a hash that two runs of one seed must share, and as lines for people.

use rpc_core::Instant;
use std::fmt;
use xxhash_rust::xxh3::Xxh3;

/// The events of a run.
pub(crate) struct Trace {
    hash: Xxh3,
    lines: Option<Vec<String>>,
    events: u64,
}

impl Trace {
    /// `lines`: keep them, for people.
    pub(crate) fn new(lines: bool) -> Self {
        Self { hash: Xxh3::new(), lines: lines.then(Vec::new), events: 0 }
    }

    /// Something has happened: a number that says what, and more that say to whom.
    pub(crate) fn event(&mut self, now: Instant, what: u64, whom: u64) {
        self.events += 1;
        for number in [now.0, what, whom] {
            self.hash.update(&number.to_le_bytes());
        }
    }

    /// Bytes that an engine has written.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// A line for people: the world's time, the host, what it did.
    pub(crate) fn line(&mut self, now: Instant, host: &dyn fmt::Display, what: fmt::Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            let (whole, micros) = (now.0 / 1_000_000_000, now.0 / 1000 % 1_000_000);
            lines.push(format!("{whole:>4}.{micros:06} {host:<5} {what}"));
        }
    }

    /// Whether anybody reads the lines.
    pub(crate) fn is_told(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.digest()
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Client(usize),
    Server(usize),
    /// Nobody: a fault.
    World,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Client(number) => f.pad(&format!("c{number}")),
            Host::Server(number) => f.pad(&format!("s{number}")),
            Host::World => f.pad("*"),
        }
    }
}

/// Adds a line to the trace of a world, if anybody reads it: what it says is only made then.
macro_rules! tell {
    ($world:expr, $host:expr, $($what:tt)*) => {
        if $world.trace.is_told() {
            let now = $world.now;
            $world.trace.line(now, &$host, format_args!($($what)*));
        }
    };
}
pub(crate) use tell;
