//! One connection over a line, as whoever orders its faults sees it.

use crate::counts::Fault;
use crate::direction::Way;
use crate::orders::{Ending, Gate, Orders};
use crate::shared::Shared;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Shared by its task, which carries the orders out, and by those who give them.
pub(crate) struct Connection {
    /// In the order in which they were made, from 0.
    pub(crate) number: u64,
    pub(crate) shared: Arc<Shared>,
    state: Mutex<State>,
    wake: [Notify; 2],
    stopped: Notify,
}

pub(crate) struct State {
    pub(crate) ways: [Orders; 2],
    pub(crate) cut: Option<Ending>,
    /// Nothing is carried any more.
    over: bool,
}

impl State {
    /// Says whether nothing has ended it before.
    pub(crate) fn end(&mut self, ending: Ending) -> bool {
        let is_first = self.cut.is_none();
        self.cut.get_or_insert(ending);
        is_first
    }
}

impl Connection {
    pub(crate) fn new(number: u64, shared: Arc<Shared>, ways: [Orders; 2]) -> Arc<Connection> {
        let state = Mutex::new(State { ways, cut: None, over: false });
        Arc::new(Connection { number, shared, state, wake: Default::default(), stopped: Notify::new() })
    }

    /// Not to be held while anything is awaited, or told to an observer.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both directions look at their orders.
    pub(crate) fn wake(&self) {
        self.wake.iter().for_each(Notify::notify_one);
    }

    /// The orders of this direction may have changed.
    pub(crate) async fn woken(&self, way: Way) {
        self.wake[way as usize].notified().await;
    }

    /// Gives an order to some directions. Counts the fault, once, if any of them says that it is new to it.
    pub(crate) fn order(&self, ways: &[Way], fault: Option<Fault>, order: impl Fn(&mut Orders) -> bool) {
        self.change(fault, |state| {
            // Each of them, not only as far as the first that it is new to.
            ways.iter().filter(|way| order(&mut state.ways[**way as usize])).count() > 0
        });
    }

    /// Ends it. What is held is still delivered when it is released.
    pub(crate) fn cut(&self, ending: Ending, fault: Option<Fault>) {
        self.change(fault, |state| state.end(ending));
    }

    /// Changes something, and counts the fault if it was done to a connection that is still carried.
    pub(crate) fn change(&self, fault: Option<Fault>, change: impl FnOnce(&mut State) -> bool) {
        let happened = {
            let mut state = self.lock();
            change(&mut state) && !state.over
        };
        self.wake();
        if let Some(fault) = fault.filter(|_| happened) {
            self.shared.count(fault, self.number);
        }
    }

    pub(crate) fn heal(&self) {
        self.lock().ways.iter_mut().for_each(Orders::heal);
        self.wake();
    }

    /// A direction waits at the place where it was told to stop.
    pub(crate) fn stopped(&self) {
        self.stopped.notify_one();
    }

    /// Returns when one of the directions has come to where it is to stop.
    pub(crate) async fn has_stopped(&self) {
        while !self.lock().ways.iter().any(Orders::has_stopped) {
            self.stopped.notified().await;
        }
    }

    /// Both directions have ended.
    pub(crate) fn carried(&self) {
        self.lock().over = true;
    }

    /// Whether it still connects its ends.
    pub(crate) fn is_open(&self) -> bool {
        let state = self.lock();
        !state.over && state.cut.is_none()
    }

    pub(crate) fn is_held(&self, way: Way) -> bool {
        self.lock().ways[way as usize].gate() == Gate::Hold
    }

    /// Returns once this direction is not held. For whoever carries it, since only one is woken.
    pub(crate) async fn released(&self, way: Way) {
        while self.is_held(way) {
            self.woken(way).await;
        }
    }
}
