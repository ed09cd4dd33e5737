//! Calls that are sent when their time has come, whatever became of those before: as many users would who know nothing of each
//! other. Latencies count from when a call was due, so that a server that stands still is not spared.

use crate::outcome::{Outcome, Sample};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Calls are due in bunches, this far apart.
const TICK: Duration = Duration::from_millis(1);

/// So many calls a second for so long.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    pub rate: f64,
    pub lasts: Duration,
}

/// Goes through the phases. `call` is given the number of each call. Returns once all calls have ended.
pub async fn run<F, C>(phases: &[Phase], call: F) -> Vec<Sample>
where
    F: Fn(u64) -> C,
    C: Future<Output = Outcome> + Send + 'static,
{
    let samples = Arc::new(Mutex::new(Vec::new()));
    let mut ticks = ticks(phases.to_vec());
    let mut calls = JoinSet::new();
    let mut number = 0;
    let start = Instant::now();
    while let Some(tick) = ticks.recv().await {
        let due = start + tick.due;
        for _ in 0..tick.calls {
            let (call, samples, late) = (call(number), samples.clone(), due.elapsed());
            number += 1;
            calls.spawn(async move {
                let outcome = call.await;
                let sample = Sample { due: tick.due, late, took: due.elapsed(), outcome };
                samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
            });
        }
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
    std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner))
}

struct Tick {
    due: Duration,
    calls: u64,
}

/// From a thread of its own: the runtime's timers are good to a millisecond only.
fn ticks(phases: Vec<Phase>) -> mpsc::UnboundedReceiver<Tick> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let start = Instant::now();
        let (mut due, mut owed) = (Duration::ZERO, 0.0);
        for phase in phases {
            let end = due + phase.lasts;
            while due < end {
                owed += phase.rate * TICK.as_secs_f64();
                std::thread::sleep((start + due).saturating_duration_since(Instant::now()));
                let calls = owed as u64;
                owed -= calls as f64;
                if calls > 0 && sender.send(Tick { due, calls }).is_err() {
                    return;
                }
                due += TICK;
            }
        }
    });
    receiver
}
