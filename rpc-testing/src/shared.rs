//! What all connections over a line share.

use crate::captures::Captures;
use crate::chaos::Chaos;
use crate::connection::Connection;
use crate::counts::{Counts, Fault};
use crate::orders::{Gate, Orders, Trouble};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A fault that has come over a connection, as an observer [is told](crate::ProxyBuilder::on_fault) of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// What.
    pub fault: Fault,
    /// To which of the line's connections, in the order in which they were made, from 0.
    pub connection: u64,
}

pub(crate) type Observer = Box<dyn Fn(Happened) + Send + Sync>;

/// The tasks of a line. They end with it.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    pub(crate) fn spawn(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.0);
        // A set keeps what has ended until it is asked.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, runtime);
    }
}

/// What each new connection is told, and those that there are.
#[derive(Default)]
struct Table {
    standing: [Orders; 2],
    connections: BTreeMap<u64, Arc<Connection>>,
}

pub(crate) struct Shared {
    table: Mutex<Table>,
    counts: Mutex<Counts>,
    observer: Option<Observer>,
    pub(crate) captures: Mutex<Captures>,
    pub(crate) chaos: watch::Sender<Option<Arc<Chaos>>>,
    /// Where connections are led; nowhere inside a process.
    pub(crate) target: Mutex<Option<String>>,
    /// New connections are refused.
    pub(crate) refuse: AtomicBool,
    /// Draws the jitter.
    pub(crate) seed: u64,
    runtime: Handle,
    tasks: Weak<Tasks>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn new(
        seed: u64,
        captures: Captures,
        observer: Option<Observer>,
        tasks: &Arc<Tasks>,
    ) -> Arc<Shared> {
        Arc::new(Shared {
            table: Mutex::default(),
            counts: Mutex::default(),
            observer,
            captures: Mutex::new(captures),
            chaos: watch::Sender::new(None),
            target: Mutex::default(),
            refuse: AtomicBool::new(false),
            seed,
            runtime: Handle::current(),
            tasks: Arc::downgrade(tasks),
        })
    }

    /// Without effect on a line that is gone.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = self.tasks.upgrade() {
            tasks.spawn(&self.runtime, task);
        }
    }

    /// The number of a connection that is about to be made.
    pub(crate) fn number(&self) -> u64 {
        let mut counts = lock(&self.counts);
        counts.connections += 1;
        counts.connections - 1
    }

    pub(crate) fn count(&self, fault: Fault, connection: u64) {
        lock(&self.counts).faults[fault as usize] += 1;
        if let Some(observer) = &self.observer {
            observer(Happened { fault, connection });
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        *lock(&self.counts)
    }

    /// From now on it hears what is ordered; until what is returned is dropped.
    pub(crate) fn register(self: &Arc<Self>, number: u64) -> Registered {
        let connection = {
            let mut table = lock(&self.table);
            let connection = Connection::new(number, self.clone(), table.standing.clone());
            table.connections.insert(number, connection.clone());
            connection
        };
        lock(&self.captures).begin(number);
        let has = |trouble: fn(&Trouble) -> bool| {
            connection.lock().ways.iter().any(|orders| trouble(&orders.scripted))
        };
        for (fault, is_there) in [
            (Fault::Delay, has(Trouble::delays)),
            (Fault::Bandwidth, has(|trouble| trouble.rate.is_some())),
            (Fault::BlackHole, has(|trouble| trouble.gate == Gate::BlackHole)),
        ] {
            if is_there {
                self.count(fault, number);
            }
        }
        Registered(connection)
    }

    /// Those that there are, oldest first.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.table).connections.values().cloned().collect()
    }

    /// Changes what new connections are told, and returns the present ones, so that none is missed.
    pub(crate) fn standing(&self, change: impl FnOnce(&mut [Orders; 2])) -> Vec<Arc<Connection>> {
        let mut table = lock(&self.table);
        change(&mut table.standing);
        table.connections.values().cloned().collect()
    }
}

/// A connection that hears what is ordered.
pub(crate) struct Registered(pub(crate) Arc<Connection>);

impl Drop for Registered {
    fn drop(&mut self) {
        let Connection { number, shared, .. } = &*self.0;
        lock(&shared.table).connections.remove(number);
    }
}
