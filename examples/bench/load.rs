//! Callers, and when they call.

use crate::latencies::Latencies;
use crate::method::{Chosen, MethodClient};
use carnegie::__dynamic::Verdict;
use carnegie::{Code, Error, Execution};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The pacer looks at least this often whether the run is over.
const PACE: Duration = Duration::from_millis(100);

/// What one connection counts, so that connections on several threads write to different places.
pub(crate) struct Counts {
    pub(crate) latencies: Latencies,
    /// By how much calls were sent later than they were due.
    pub(crate) late: Latencies,
    /// Answers that were the application's refusals.
    pub(crate) refused: AtomicU64,
    /// Calls that the framework could not bring to an answer, by how they are classed.
    pub(crate) failed: Mutex<Vec<Failed>>,
}

/// Calls that failed in one way.
#[derive(Clone)]
pub(crate) struct Failed {
    pub(crate) code: Code,
    pub(crate) execution: Execution,
    pub(crate) count: u64,
    /// The words of the first of them.
    pub(crate) first: String,
}

/// One run.
pub(crate) struct Load {
    method: Chosen,
    pub(crate) start: Instant,
    pub(crate) rate: Option<f64>,
    /// Calls that may start, with a rate. Closed when the run is over.
    due: Semaphore,
    stopped: AtomicBool,
    pub(crate) started: AtomicU64,
    pub(crate) counts: Vec<Counts>,
}

impl Load {
    /// Begins at once.
    pub(crate) fn new(method: Chosen, connections: usize, rate: Option<f64>) -> Arc<Load> {
        let counts = || Counts {
            latencies: Latencies::new(),
            late: Latencies::new(),
            refused: AtomicU64::new(0),
            failed: Mutex::default(),
        };
        let load = Arc::new(Load {
            method,
            start: Instant::now(),
            rate,
            due: Semaphore::new(0),
            stopped: AtomicBool::new(false),
            started: AtomicU64::new(0),
            counts: std::iter::repeat_with(counts).take(connections).collect(),
        });
        if let Some(rate) = rate {
            let load = load.clone();
            std::thread::spawn(move || load.pace(rate));
        }
        load
    }

    /// Lets calls start when they are due. In a thread of its own: the runtime's timers are good to a millisecond only.
    fn pace(&self, rate: f64) {
        let mut released = 0;
        while !self.due.is_closed() {
            let due = self.due_by_now(rate);
            self.due.add_permits((due - released) as usize);
            released = due;
            let next = self.time_of(released, rate).saturating_duration_since(Instant::now());
            std::thread::sleep(next.min(PACE));
        }
    }

    /// Calls that were due until now.
    pub(crate) fn due_by_now(&self, rate: f64) -> u64 {
        (self.start.elapsed().as_secs_f64() * rate) as u64 + 1
    }

    fn time_of(&self, number: u64, rate: f64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / rate)
    }

    /// The next call's number, and when it is due. `None`: there are no more.
    async fn next(&self) -> Option<(u64, Instant)> {
        match self.rate {
            None if self.stopped.load(Relaxed) => None,
            None => Some((self.started.fetch_add(1, Relaxed), Instant::now())),
            Some(rate) => {
                self.due.acquire().await.ok()?.forget();
                let number = self.started.fetch_add(1, Relaxed);
                Some((number, self.time_of(number, rate)))
            }
        }
    }

    /// One call after the other.
    async fn call(self: Arc<Load>, connection: usize, server: MethodClient) {
        let counts = &self.counts[connection];
        while let Some((number, due)) = self.next().await {
            if self.rate.is_some() {
                counts.late.add(due.elapsed());
            }
            match self.method.call(&server, number).await {
                Ok(verdict) => {
                    counts.latencies.add(due.elapsed());
                    counts.refused.fetch_add(u64::from(verdict == Verdict::Application), Relaxed);
                }
                Err(error) => {
                    counts.failed(&error);
                    // A call that fails without waiting must not keep the others from being served.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// So many callers for each connection.
    pub(crate) fn callers(self: &Arc<Load>, servers: &[MethodClient], in_flight: u32) -> JoinSet<()> {
        let mut callers = JoinSet::new();
        for _ in 0..in_flight {
            for (connection, server) in servers.iter().enumerate() {
                callers.spawn(self.clone().call(connection, server.clone()));
            }
        }
        callers
    }

    /// No call starts any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
        self.due.close();
    }

    pub(crate) fn refused(&self) -> u64 {
        self.counts.iter().map(|counts| counts.refused.load(Relaxed)).sum()
    }

    /// All that failed, the most frequent first.
    pub(crate) fn failed(&self) -> Vec<Failed> {
        let mut all = Vec::new();
        for counts in &self.counts {
            for failed in counts.failed.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                match Failed::like(&mut all, failed.code, failed.execution) {
                    Some(sum) => sum.count += failed.count,
                    None => all.push(failed.clone()),
                }
            }
        }
        all.sort_by_key(|failed| std::cmp::Reverse(failed.count));
        all
    }
}

impl Failed {
    fn like(all: &mut [Failed], code: Code, execution: Execution) -> Option<&mut Failed> {
        all.iter_mut().find(|failed| (failed.code, failed.execution) == (code, execution))
    }
}

impl Counts {
    #[cold]
    fn failed(&self, error: &Error) {
        let (code, execution) = (error.code(), error.execution());
        let mut all = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match Failed::like(&mut all, code, execution) {
            Some(failed) => failed.count += 1,
            None => all.push(Failed { code, execution, count: 1, first: error.to_string() }),
        }
    }
}
