//! What one direction of one connection is told to do.

use std::time::Duration;

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Both ends read an end of the stream.
    Fin,
    /// Both ends read an error.
    Reset,
}

/// Whether bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They do.
    #[default]
    Open,
    /// None is read, and none delivered.
    BlackHole,
    /// They are read, as far as there is room, and none is delivered.
    Hold,
}

/// Written by whoever orders faults, carried out by the direction's pump. Places are counted in bytes that were delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    pub(crate) gate: Gate,
    pub(crate) half_close: bool,
    pub(crate) cut_at: Option<(u64, Ending)>,
    pub(crate) corrupt_at: Option<u64>,
    /// Nothing is delivered from here on, until this is taken away; whoever draws the next fault is told.
    pub(crate) stop_at: Option<u64>,
    /// Told by the pump: bytes that were delivered, and those that are on their way.
    pub(crate) delivered: u64,
    pub(crate) on_the_way: usize,
}

impl Orders {
    /// All is well from now on. What has happened stays.
    pub(crate) fn heal(&mut self) {
        let Orders { half_close, delivered, on_the_way, .. } = *self;
        *self = Orders { half_close, delivered, on_the_way, ..Orders::default() };
    }

    /// Whether bytes arrive later than they could.
    pub(crate) fn delays(&self) -> bool {
        !(self.delay + self.jitter).is_zero()
    }

    /// How long bytes with this luck take.
    pub(crate) fn lateness(&self, luck: f64) -> Duration {
        self.delay + self.jitter.mul_f64(luck)
    }
}
