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

/// Whether bytes pass. The later of two is the stronger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    /// They do.
    #[default]
    Open,
    /// They are read, as far as there is room, and none is delivered.
    Hold,
    /// None is read, and none delivered.
    BlackHole,
}

/// What can be taken away again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    pub(crate) gate: Gate,
}

/// Written by whoever orders faults, carried out by the direction's pump. Places are counted in bytes that were delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    pub(crate) scripted: Trouble,
    /// Beside what is scripted, so that neither takes the other's away.
    pub(crate) drawn: Trouble,
    pub(crate) half_close: bool,
    pub(crate) cut_at: Option<(u64, Ending)>,
    pub(crate) corrupt_at: Option<u64>,
    /// Nothing is delivered from here on, until this is taken away; whoever draws the next fault is told.
    pub(crate) stop_at: Option<u64>,
    /// Told by the pump: bytes that were delivered, and those that are on their way.
    pub(crate) delivered: u64,
    pub(crate) on_the_way: usize,
}

impl Trouble {
    /// Whether bytes arrive later than they could.
    pub(crate) fn delays(&self) -> bool {
        !(self.delay.is_zero() && self.jitter.is_zero())
    }
}

impl Orders {
    /// All is well from now on. What has happened stays.
    pub(crate) fn heal(&mut self) {
        let Orders { half_close, delivered, on_the_way, .. } = *self;
        *self = Orders { half_close, delivered, on_the_way, ..Orders::default() };
    }

    /// Whether everything that may pass before the next drawn fault has passed.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stop_at.is_some_and(|at| self.delivered >= at)
    }

    pub(crate) fn gate(&self) -> Gate {
        self.scripted.gate.max(self.drawn.gate)
    }

    pub(crate) fn rate(&self) -> Option<u64> {
        [self.scripted.rate, self.drawn.rate].into_iter().flatten().min()
    }

    /// How long bytes with this luck, between 0 and 1, take.
    pub(crate) fn lateness(&self, luck: f64) -> Duration {
        let Trouble { delay, jitter, .. } = self.scripted;
        // Times without end are as long as they may be.
        delay.saturating_add(self.drawn.delay).saturating_add(jitter.mul_f64(luck))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_comes_on_top_of_what_is_scripted() {
        let trouble =
            |secs, rate| Trouble { delay: Duration::from_secs(secs), rate: Some(rate), ..Trouble::default() };
        let (scripted, mut drawn) = (trouble(1, 5), trouble(2, 7));
        drawn.gate = Gate::Hold;
        let mut orders = Orders { scripted, drawn, ..Orders::default() };
        assert_eq!((orders.lateness(0.0), orders.rate()), (Duration::from_secs(3), Some(5)));
        assert_eq!(orders.gate(), Gate::Hold);
        orders.drawn = Trouble::default();
        assert_eq!((orders.lateness(0.0), orders.gate()), (Duration::from_secs(1), Gate::Open));
    }

    #[test]
    fn healing_forgets_orders_and_no_facts() {
        let mut orders = Orders { half_close: true, delivered: 7, on_the_way: 3, ..Orders::default() };
        (orders.scripted.gate, orders.cut_at, orders.stop_at) =
            (Gate::BlackHole, Some((9, Ending::Fin)), Some(8));
        orders.heal();
        assert_eq!((orders.half_close, orders.delivered, orders.on_the_way), (true, 7, 3));
        assert_eq!((orders.gate(), orders.cut_at, orders.stop_at), (Gate::Open, None, None));
    }
}
